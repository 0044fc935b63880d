# GKE: ptp plugin, a /32 of the gateway on every veth (F110-F116)
# area: wiring
ns node pod1 pod2 gw
pair node eth0 42:01:0a:00:00:25 gw g0 42:01:0a:00:00:01
ip -n gw addr add 10.0.0.1/24 dev g0
ip -n node addr add 10.0.0.37/32 dev eth0
ip -n node route add 10.0.0.1 dev eth0 scope link src 10.0.0.37
ip -n node route add default via 10.0.0.1 dev eth0 src 10.0.0.37
sys node net.ipv4.ip_forward=1
pod() { # POD VETH MAC-NODE IP MAC
    ip link add $2 netns node address $3 type veth peer name eth0 netns $1 address $5
    ip -n node link set $2 up
    ip -n $1 addr add $4/24 brd + dev eth0
    ip -n $1 link set eth0 up
    offloads_off node $2
    offloads_off $1 eth0
    ip -n $1 route add default via 10.32.0.1 dev eth0
    ip -n $1 route del 10.32.0.0/24 dev eth0 scope link
    ip -n $1 route add 10.32.0.1 dev eth0 scope link src $4
    ip -n $1 route add 10.32.0.0/24 via 10.32.0.1 dev eth0 src $4
    ip -n node addr add 10.32.0.1/32 dev $2
    ip -n node route add $4/32 dev $2 scope host
}
pod pod1 veth1 02:00:00:00:11:11 10.32.0.5 32:ae:50:1c:7c:42
pod pod2 veth2 02:00:00:00:22:22 10.32.0.9 e6:0e:ad:ba:c4:77
t ip -n node addr
t ip -n node route
t ip -n node route show table local
t ip -n pod1 route
dump node node -i any -n -t
dump pod1 pod1 -i eth0 -n -t -e
t ip netns exec pod1 ping -c 2 -i 0.2 10.32.0.9
t ip netns exec pod1 ping -c 1 -t 1 10.32.0.9
t ip netns exec pod1 ping -c 1 10.0.0.37
enddump
for n in pod1 node pod2; do t "ip -n $n neigh | sort"; done
say no proxy ARP
t ip netns exec pod1 arping -c 1 -w 1 -I eth0 10.32.0.9
t ip netns exec pod1 arping -c 1 -w 1 -I eth0 8.8.8.8
t ip netns exec pod1 arping -c 1 -w 1 -I eth0 10.0.0.37
say "node's own traffic"
t ip -n node route get 10.32.0.5
t ip netns exec node ping -c 1 10.32.0.5
say a pod that does not exist
t ip netns exec pod1 ping -c 1 -W 0.3 10.32.0.77
