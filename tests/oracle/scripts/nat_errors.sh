# ICMP errors about translated packets (F180 to F182)
# area: netfilter
ns node pod1 pod2 far
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    ip -n node addr add 10.$n.0.1/24 dev veth$n
    ip -n pod$n addr add 10.$n.0.2/24 dev eth0
    ip -n pod$n route add default via 10.$n.0.1
done
pair pod2 eth1 02:00:00:00:03:02 far eth0 02:00:00:00:03:03
ip -n pod2 addr add 10.3.0.1/24 dev eth1
ip -n far addr add 10.3.0.2/24 dev eth0
ip -n far route add default via 10.3.0.1
ip -n node route add 10.3.0.0/24 via 10.2.0.2
ip -n node route add 10.4.0.0/24 via 10.1.0.77
ip -n node neigh add 10.1.0.77 lladdr 02:00:00:00:01:77 dev veth1
sys node net.ipv4.ip_forward=1
sys pod2 net.ipv4.ip_forward=1
N='ip netns exec node iptables -t nat'
t $N -A PREROUTING -d 10.96.0.10 -j DNAT --to-destination 10.3.0.2
t $N -A PREROUTING -d 10.96.0.11 -j DNAT --to-destination 10.9.9.9
t $N -A PREROUTING -d 10.96.0.12 -j DNAT --to-destination 10.4.0.1
dump pod1 pod1 -i eth0 -n -t -v icmp
t ip netns exec pod1 ping -c 1 -t 1 10.96.0.10
t ip netns exec pod1 ping -c 1 -t 2 10.96.0.10
t ip netns exec pod1 ping -c 1 10.96.0.10
t ip netns exec pod1 ping -c 1 10.96.0.11
enddump
t ip netns exec pod1 tracepath -n 10.96.0.10
say both sides
t $N -A POSTROUTING -o veth2 -j MASQUERADE
dump pod2 pod2 -i eth0 -n -t icmp
dump pod1 pod1 -i eth0 -n -t icmp
t ip netns exec pod1 ping -c 1 -t 2 10.96.0.10
enddump
say redirects: not about what is translated, nor about the first packet
sleep 2.2
dump pod1 pod1 -i eth0 -n -t icmp
t ip netns exec pod1 ping -c 2 -W 0.3 10.96.0.12
t ip netns exec pod1 ping -c 2 -W 0.3 10.4.0.1
enddump
