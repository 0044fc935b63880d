# a promiscuous bridge with br_netfilter: it routes its own copy of what is bridged to a new destination
# area: netfilter
# frames: no — a bridge that snoops joins 224.0.0.106, and podwire sends no IGMP
modprobe br_netfilter 2>/dev/null
ns node pod1 pod2
ip -n node link add cni0 address 02:00:00:00:02:00 type bridge
ip -n node link set cni0 up
ip -n node addr add 10.244.0.1/24 dev cni0
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    ip -n node link set veth$n master cni0
    ip -n pod$n addr add 10.244.0.1$n/24 dev eth0
    ip -n pod$n route add default via 10.244.0.1
done
sys node net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
sleep 1.2
I='ip netns exec node iptables'
t $I -t nat -A PREROUTING -d 10.96.0.10 -j DNAT --to-destination 10.244.0.12
t $I -t nat -A POSTROUTING -d 10.244.0.12 -j MASQUERADE
t $I -t raw -A PREROUTING -p icmp -m pkttype --pkt-type unicast
t $I -A FORWARD -p icmp -m pkttype --pkt-type unicast
t $I -A FORWARD -p icmp -s 10.244.0.11 -d 10.244.0.12
t $I -t mangle -A POSTROUTING -p icmp -s 10.244.0.11 -o cni0
ip -n node link set cni0 promisc on
t ip netns exec pod1 ping -c 1 10.96.0.10
sleep 0.2
t ip netns exec pod1 ping -c 1 10.244.0.12
sleep 0.2
t $I -t raw -vnL PREROUTING
t $I -vnL FORWARD
t $I -t mangle -vnL POSTROUTING
t $I -t nat -vnL
t "ip netns exec node conntrack -L -p icmp 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/^(icmp +1) [0-9]+/\1 T/' | sort"
