# DNAT: from a pod, from outside, from the node itself, to oneself (F122 to F128, F182, F194 to F196)
# area: netfilter
ns node out pod1 pod2
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
ip -n node addr add 10.0.0.10/24 dev eth0
ip -n out addr add 10.0.0.11/24 dev eth0
ip -n node route add default via 10.0.0.11
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    ip -n node addr add 10.$n.0.1/24 dev veth$n
    ip -n pod$n addr add 10.$n.0.2/24 dev eth0
    ip -n pod$n route add default via 10.$n.0.1
done
sys node net.ipv4.ip_forward=1
flows() { t "ip netns exec node conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/^(icmp +1) [0-9]+/\1 T/' | sort"; }
N='ip netns exec node iptables -t nat'
F='ip netns exec node iptables -t filter'
t $N -A PREROUTING -d 10.96.0.10 -j DNAT --to-destination 10.2.0.2
t $N -A PREROUTING -i eth0 -d 10.0.0.10 -p icmp -j DNAT --to-destination 10.1.0.2
t $N -A OUTPUT -d 10.96.0.10 -j DNAT --to-destination 10.2.0.2
t $F -A OUTPUT -o eth0 -d 10.2.0.2 -j ACCEPT
t $F -A OUTPUT -o veth2 -d 10.2.0.2 -j ACCEPT
t $F -A INPUT -s 10.96.0.10 -j ACCEPT
t $F -A INPUT -s 10.2.0.2 -j ACCEPT
dump node node -i any -n -t icmp
t ip netns exec pod1 ping -c 2 -i 0.2 10.96.0.10
t ip netns exec out ping -c 1 10.0.0.10
t ip netns exec node ping -c 2 -i 0.2 10.96.0.10
enddump
t $N -vnL
t $F -vnL
flows
say hairpin: without a rule of its own the pod drops what comes from itself
t ip netns exec pod2 ping -c 1 -W 0.3 10.96.0.10
t $N -A POSTROUTING -s 10.2.0.2 -d 10.2.0.2 -j MASQUERADE
dump pod2 pod2 -i eth0 -n -t icmp
t ip netns exec pod2 ping -c 2 -i 0.2 10.96.0.10
enddump
say loopback: PREROUTING and INPUT are not asked
t $N -A PREROUTING -d 127.0.0.1 -j DNAT --to-destination 10.2.0.2
t $N -A INPUT -d 127.0.0.1 -j SNAT --to-source 127.0.0.9
t $N -A POSTROUTING -d 127.0.0.1 -j ACCEPT
t ip netns exec node ping -c 1 127.0.0.1
t "$N -vnL | grep 127.0.0.1"
say nothing leaves from 127.0.0.1
t $N -A OUTPUT -d 127.0.0.5 -j DNAT --to-destination 10.2.0.2
t ip netns exec node ping -c 1 -W 0.3 127.0.0.5
sys node net.ipv4.conf.all.route_localnet=1
t ip netns exec node ping -c 1 -W 0.3 127.0.0.5
t $N -A POSTROUTING -s 127.0.0.0/8 -o veth2 -j MASQUERADE
t ip netns exec node ping -c 1 127.0.0.5
say no way to the new destination
t $N -A OUTPUT -d 10.96.0.11 -j DNAT --to-destination 240.0.0.1
t ip -n node route add unreachable 240.0.0.1
t ip netns exec node ping -c 1 -W 0.3 10.96.0.11
