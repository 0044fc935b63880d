# nat tables of both variants, what tracks and what does not (F192, F195, F200)
# area: netfilter
ns node out pod
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
pair node veth1 02:00:00:00:02:01 pod eth0 02:00:00:00:01:01
ip -n node addr add 10.0.0.10/24 dev eth0
for i in 11 12 13; do ip -n out addr add 10.0.0.$i/24 dev eth0; done
ip -n out route add default via 10.0.0.10
ip -n node addr add 10.1.0.1/24 dev veth1
ip -n pod addr add 10.1.0.2/24 dev eth0
ip -n pod route add default via 10.1.0.1
ip -n node route add 10.5.0.0/24 via 10.0.0.11
ip -n node route add 10.5.0.0/24 via 10.1.0.2 table 7
ip -n node rule add fwmark 5 lookup 7
ip -n pod addr add 10.5.0.1/32 dev lo
ip -n out addr add 10.5.0.1/32 dev lo
sys node net.ipv4.ip_forward=1
flows() { t "ip netns exec node conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/^(icmp +1) [0-9]+/\1 T/' | sort"; }
A='ip netns exec node iptables -t nat'
L='ip netns exec node iptables-legacy -t nat'
say an empty table does not track
t $A -A POSTROUTING -j RETURN
t ip netns exec pod ping -c 1 10.0.0.11
flows
t $A -D POSTROUTING -j RETURN
say a rule that translates does
t $A -A POSTROUTING -d 1.2.3.4 -j MASQUERADE
t ip netns exec pod ping -c 1 10.0.0.11
flows
t ip netns exec node conntrack -F
say a connection that began before the rule stays as it is
ip netns exec pod ping -e 9 -c 1 10.0.0.11 >/dev/null
t $A -A POSTROUTING -o eth0 -j MASQUERADE
t ip netns exec pod ping -e 9 -c 1 10.0.0.11
flows
t ip netns exec node conntrack -F
t ip netns exec pod ping -e 9 -c 1 10.0.0.11
flows
t ip netns exec node conntrack -F
say both variants: that which came last is asked first
t $A -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.0.0.12
t $L -A PREROUTING -d 10.96.0.0/24 -j DNAT --to-destination 10.0.0.13
t ip netns exec pod ping -c 1 10.96.0.1
flows
t "$A -vnL PREROUTING | tail -n 1"
t "$L -vnL PREROUTING | tail -n 1"
t $L -F
t ip netns exec node conntrack -F
t ip netns exec pod ping -c 1 10.96.0.1
flows
say what is not tracked is not translated
t ip netns exec node iptables -t raw -A PREROUTING -s 10.1.0.2 -j NOTRACK
t ip netns exec node conntrack -F
t ip netns exec pod ping -c 1 -W 0.3 10.0.0.11
flows
t ip netns exec node iptables -t raw -F
say a mark in mangle OUTPUT leads another way
dump pod pod -i eth0 -n -t icmp
t ip netns exec node ping -c 1 10.5.0.1
t ip netns exec node iptables -t mangle -A OUTPUT -d 10.5.0.1 -j MARK --set-mark 5
t ip netns exec node ping -c 1 10.5.0.1
enddump
