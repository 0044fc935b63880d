# Calico: proxy_arp=0, and a node without a default route (F22, F36)
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
sys node net.ipv4.conf.cali111.proxy_arp=0
dump pod1 pod1 -i eth0 -n -t
dump lo pod1 -i lo -n -t -v
t ip netns exec pod1 ping -c 1 -W 4 192.168.1.12
enddump
t ip -n pod1 neigh
t "ip -n node neigh | sort"
say node addresses are still answered
dump pod1 pod1 -i eth0 -n -t
t ip netns exec pod1 arping -c 1 -w 1 -I eth0 10.0.0.23
enddump
sys node net.ipv4.conf.cali111.proxy_arp=1
t ip netns exec pod1 ping -c 1 -W 1 192.168.1.12
say no default route
ip -n node route del default
for n in pod1 pod2 node; do ip -n $n neigh flush all; done
dump pod1 pod1 -i eth0 -n -t
t ip netns exec pod1 ping -c 1 -W 0.5 192.168.1.12
t ip netns exec pod1 arping -c 1 -w 1 -I eth0 192.168.1.12
t ip netns exec pod1 arping -c 1 -w 1 -I eth0 10.0.0.23
enddump
for k in unreachable prohibit blackhole throw; do
    ip -n node route add $k default
    t "ip -n node route | head -n 1"
    t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 169.254.1.1
    ip -n node route del $k default
done
say a route for the gateway that leaves by the same interface, then proxy_arp_pvlan
ip -n node route add 169.254.1.1 dev cali111
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 169.254.1.1
sys node net.ipv4.conf.cali111.proxy_arp_pvlan=1
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 169.254.1.1
