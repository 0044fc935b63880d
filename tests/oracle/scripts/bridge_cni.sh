# the wiring of the CNI plugin `bridge`: cni0 as gateway of two pods, hairpin mode, and a way out
# area: bridge
# frames: no — a bridge that snoops joins 224.0.0.106, and podwire sends no IGMP
ns node out pod1 pod2
ip -n node link add cni0 type bridge
ip -n node link set cni0 up
ip -n node addr add 10.244.0.1/24 brd 10.244.0.255 dev cni0
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
ip -n node addr add 10.0.0.10/24 dev eth0
ip -n out addr add 10.0.0.11/24 dev eth0
ip -n out route add 10.244.0.0/24 via 10.0.0.10
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    t ip -n node link set veth$n master cni0
    t ip netns exec node bridge link set dev veth$n hairpin on
    ip -n pod$n addr add 10.244.0.1$n/24 brd 10.244.0.255 dev eth0
    ip -n pod$n route add default via 10.244.0.1
done
sys node net.ipv4.ip_forward=1
sleep 1.2
t ip -n node -br link show type bridge
t ip -n node -4 addr show cni0
t ip -n node route
t ip netns exec node bridge -d link
dump node node -i any -n -t
t ip netns exec pod1 ping -c 1 10.244.0.12
t ip netns exec pod2 ping -c 1 10.244.0.1
t ip netns exec pod1 ping -c 1 10.0.0.11
t ip netns exec out ping -c 1 10.244.0.12
t ip netns exec node ping -c 1 10.244.0.11
enddump
t "ip -n node neigh show dev cni0 | sort"
t "ip -n pod1 neigh | sort"
t "ip netns exec node bridge fdb show br cni0 dynamic | sort"
say a pod goes
t ip netns del pod2
sleep 0.3
t ip netns exec node bridge link
t "ip netns exec node bridge fdb show br cni0 | grep -v self"
t "ip -n node link show cni0 | grep -o 'ether [0-9a-f:]*'"
t ip netns exec pod1 ping -c 1 -W 0.3 10.244.0.12
say the bridge goes
t ip -n node link del cni0
t ip -n node route
t ip -n node link show veth1
t ip netns exec pod1 ping -c 1 -W 0.3 10.244.0.1
