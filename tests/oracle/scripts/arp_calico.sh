# Calico on one node: cold ping between pods, all four capture points (F1-F9)
# topology of kernel.md section 1: pod1 - node - pod2, gateway gw
# area: wiring
ns node pod1 pod2 gw
pod() { # POD CALI IP MAC
    ip link add $2 netns node address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns $1 address $4
    sys node net.ipv4.conf.$2.route_localnet=1 net.ipv4.neigh.$2.proxy_delay=0 net.ipv4.conf.$2.proxy_arp=1 net.ipv4.conf.$2.forwarding=1
    ip -n node link set $2 up
    ip -n $1 link set eth0 up
    offloads_off node $2
    offloads_off $1 eth0
    ip -n $1 route add 169.254.1.1 dev eth0 scope link
    ip -n $1 route add default via 169.254.1.1 dev eth0
    ip -n $1 addr add $3/32 dev eth0
    ip -n node route add $3/32 dev $2 scope link
}
pair node eth0 42:01:0a:00:00:17 gw g0 42:01:0a:00:00:01
ip -n gw addr add 10.0.0.1/24 dev g0
ip -n node addr add 10.0.0.23/32 dev eth0
ip -n node route add 10.0.0.1 dev eth0 scope link src 10.0.0.23
ip -n node route add default via 10.0.0.1 dev eth0 src 10.0.0.23
sys node net.ipv4.ip_forward=1
pod pod1 cali111 192.168.1.11 32:ae:50:1c:7c:42
pod pod2 cali222 192.168.1.12 e6:0e:ad:ba:c4:77
t ip -n node addr
t ip -n node route
t ip -n pod1 addr
t ip -n pod1 route
t ip -n node route get 192.168.1.12
t ip -n pod1 route get 192.168.1.12
dump pod1 pod1 -i eth0 -n -t -e
dump cali111 node -i cali111 -n -t
dump cali222 node -i cali222 -n -t -e
dump any node -i any -n -t
t ip netns exec pod1 ping -c 3 -i 0.3 192.168.1.12
enddump
for n in pod1 node pod2; do t "ip -n $n neigh | sort"; done
for n in pod1 node pod2; do t "ip netns exec $n arp -n | sort"; done
say "the probe of pod1 by the node, about 5 s after the first reply (F10)"
dump cali111 node -i cali111 -n -t -e
dump cali222 node -i cali222 -n -t
sleep 5.5
enddump
for n in pod1 node pod2; do t "ip -n $n neigh | sort"; done
