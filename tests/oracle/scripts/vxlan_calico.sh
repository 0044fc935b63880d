# Calico's VXLAN overlay on two nodes: the way of a ping, cold and warm, and what the nodes look like (F80, F81, F85, F88)
# area: tunnel
ns node1 node2 pod1 pod2 pod3
pair node1 eth0 42:01:0a:00:00:17 node2 eth0 42:01:0a:00:00:18
pod() { # NODE POD CALI IP MAC
    ip link add $3 netns $1 address ee:ee:ee:ee:ee:ee mtu 1450 type veth peer name eth0 netns $2 address $5 mtu 1450
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
vtep() { # NODE IP MAC TUNNEL, and those of the other node, and its block
    ip -n $1 link add vxlan.calico address $3 type vxlan id 4096 local $2 dev eth0 dstport 4789 nolearning
    ip -n $1 link set vxlan.calico mtu 1450 up
    ip -n $1 addr add $4/32 dev vxlan.calico
    ip -n $1 neigh add $7 lladdr $6 dev vxlan.calico nud permanent
    ip netns exec $1 bridge fdb add $6 dev vxlan.calico dst $5 self permanent
    ip -n $1 route add $8 via $7 dev vxlan.calico onlink
}
for i in 1 2; do
    sys node$i net.ipv4.ip_forward=1
    ip -n node$i addr add 10.0.0.2$((i + 2))/24 dev eth0
done
pod node1 pod1 cali111 192.168.1.11 32:ae:50:1c:7c:42
pod node1 pod3 cali333 192.168.1.13 32:ae:50:1c:7c:43
pod node2 pod2 cali222 192.168.2.12 e6:0e:ad:ba:c4:77
vtep node1 10.0.0.23 66:11:11:11:11:11 192.168.1.0 10.0.0.24 66:22:22:22:22:22 192.168.2.0 192.168.2.0/26
vtep node2 10.0.0.24 66:22:22:22:22:22 192.168.2.0 10.0.0.23 66:11:11:11:11:11 192.168.1.0 192.168.1.0/26
t ip -n node1 -d link show vxlan.calico
t ip -n node1 route
t ip netns exec node1 bridge fdb show dev vxlan.calico
dump pod1 pod1 -i eth0 -n -t -e
dump tunnel1 node1 -i vxlan.calico -n -t -e -v
dump wire node1 -i eth0 -n -t -e -v
dump tunnel2 node2 -i vxlan.calico -n -t -e
t ip netns exec pod1 ping -c 2 -i 0.3 192.168.2.12
t ip netns exec pod3 ping -c 1 192.168.2.12
t ip netns exec pod2 ping -c 1 192.168.1.11
enddump
for n in pod1 node1 node2 pod2; do t "ip -n $n neigh | sort"; done
t "ip -n node1 -s link show vxlan.calico | grep -A1 X:"
t "ip -n node2 -s link show vxlan.calico | grep -A1 X:"
t "ip -n node1 -s link show eth0 | grep -A1 X:"
say the nodes themselves
t ip netns exec node1 ping -c 1 192.168.2.12
t ip netns exec node1 ping -c 1 192.168.2.0
t ip netns exec pod1 ping -c 1 192.168.2.0
say TTL and errors on the way
t ip netns exec pod1 ping -c 1 -t 1 192.168.2.12
t ip netns exec pod1 ping -c 1 -t 2 192.168.2.12
t ip netns exec pod1 ping -c 1 -t 3 192.168.2.12
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.13
