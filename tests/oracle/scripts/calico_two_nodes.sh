# two Calico nodes without overlay on one segment (F70-F77)
# area: wiring
ns node1 node2 pod1 pod2
pair node1 eth0 42:01:0a:00:00:17 node2 eth0 42:01:0a:00:00:18
pod() { # NODE POD CALI IP MAC
    ip link add $3 netns $1 address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns $2 address $5
    sys $1 net.ipv4.conf.$3.route_localnet=1 net.ipv4.neigh.$3.proxy_delay=0 net.ipv4.conf.$3.proxy_arp=1 net.ipv4.conf.$3.forwarding=1
    ip -n $1 link set $3 up
    ip -n $2 link set eth0 up
    offloads_off $1 $3
    offloads_off $2 eth0
    ip -n $2 route add 169.254.1.1 dev eth0 scope link
    ip -n $2 route add default via 169.254.1.1 dev eth0
    ip -n $2 addr add $4/32 dev eth0
    ip -n $1 route add $4/32 dev $3 scope link
}
for i in 1 2; do
    sys node$i net.ipv4.ip_forward=1
    ip -n node$i addr add 10.0.0.2$((i + 2))/24 dev eth0
    ip -n node$i route add blackhole 192.168.$i.0/26 proto 80
done
ip -n node1 route add default via 10.0.0.24
ip -n node2 route add default via 10.0.0.23
ip -n node1 route add 192.168.2.0/26 via 10.0.0.24 dev eth0 proto bird
ip -n node2 route add 192.168.1.0/26 via 10.0.0.23 dev eth0 proto bird
pod node1 pod1 cali111 192.168.1.11 32:ae:50:1c:7c:42
pod node2 pod2 cali222 192.168.2.12 e6:0e:ad:ba:c4:77
t ip -n node1 route
t ip -n node2 route
dump pod1 pod1 -i eth0 -n -t -e
dump node1 node1 -i any -n -t
dump node2 node2 -i any -n -t
t ip netns exec pod1 ping -c 2 -i 0.2 192.168.2.12
t ip netns exec pod1 ping -c 1 -t 1 192.168.2.12
t ip netns exec pod1 ping -c 1 -t 2 192.168.2.12
t ip netns exec pod1 ping -c 1 -t 3 192.168.2.12
enddump
for n in pod1 node1 node2 pod2; do t "ip -n $n neigh | sort"; done
say a pod that does not exist
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.13
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.1.13
say the nodes and the pods
t ip netns exec node1 ping -c 1 192.168.1.11
t ip netns exec node1 ping -c 1 192.168.2.12
t ip netns exec pod1 ping -c 1 10.0.0.23
t ip netns exec pod1 ping -c 1 10.0.0.24
