# MASQUERADE and SNAT behind a router: source, counters, connections (F100, F192, F193)
# area: netfilter
ns node out pod1 pod2
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
ip -n node addr add 10.0.0.10/24 dev eth0
ip -n node addr add 10.8.0.10/24 dev eth0
ip -n out addr add 10.0.0.11/24 dev eth0
ip -n out addr add 10.8.0.11/24 dev eth0
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    ip -n node addr add 10.$n.0.1/24 dev veth$n
    ip -n pod$n addr add 10.$n.0.2/24 dev eth0
    ip -n pod$n route add default via 10.$n.0.1
done
sys node net.ipv4.ip_forward=1
ip -n node route add 10.7.0.0/24 via 10.8.0.11
ip -n out addr add 10.7.0.1/32 dev lo
flows() { t "ip netns exec node conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/^(icmp +1) [0-9]+/\1 T/' | sort"; }
N='ip netns exec node iptables -t nat'
t $N -A POSTROUTING -s 10.1.0.0/24 -o eth0 -j MASQUERADE
t $N -A POSTROUTING -s 10.2.0.0/24 -o eth0 -j SNAT --to-source 10.0.0.77
ip -n node addr add 10.0.0.77/32 dev lo
dump out out -i eth0 -n -t icmp
t ip netns exec pod1 ping -c 2 -i 0.2 10.0.0.11
t ip netns exec pod1 ping -c 1 10.8.0.11
t ip netns exec pod1 ping -c 1 10.7.0.1
t ip netns exec pod2 ping -c 1 10.0.0.11
t ip netns exec pod1 ping -c 1 10.2.0.2
t ip netns exec pod1 ping -c 1 10.0.0.10
enddump
t $N -vnL
flows
say an address of the device goes, then the device
t ip -n node addr del 10.8.0.10/24 dev eth0
flows
t ip -n node link set eth0 down
flows
say the rules go: connections are not tracked any more
t $N -F
t ip netns exec node conntrack -F
t ip netns exec pod1 ping -c 1 10.2.0.2
flows
