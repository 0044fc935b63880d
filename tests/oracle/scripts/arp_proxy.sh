# Calico: which addresses does the node answer for (F34, F35, F38, F39)
# topology of kernel.md section 1: pod1 - node - pod2, gateway gw
# area: arp
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
for x in 169.254.1.1 192.168.1.12 192.168.1.99 10.0.0.23 10.0.0.1 8.8.8.8 127.0.0.1 192.168.1.11 240.0.0.1; do
    t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 $x
done
sys node net.ipv4.conf.cali111.route_localnet=0
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 127.0.0.1
say the probe sender 0.0.0.0
t ip netns exec pod1 arping -D -c 1 -w 1 -I eth0 169.254.1.1
t ip netns exec pod1 arping -D -c 1 -w 1 -I eth0 10.0.0.23
say forwarding off on the interface
sys node net.ipv4.conf.cali111.forwarding=0
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 169.254.1.1
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 10.0.0.23
sys node net.ipv4.conf.cali111.forwarding=1
say proxy neighbour instead of proxy_arp
sys node net.ipv4.conf.cali111.proxy_arp=0
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 192.168.1.99
t ip -n node neigh add proxy 192.168.1.99 dev cali111
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 192.168.1.99
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 192.168.1.98
say all.proxy_arp
sys node net.ipv4.conf.all.proxy_arp=1
t ip netns exec pod1 arping -f -c 1 -w 1 -I eth0 192.168.1.98
t ip -n node neigh
t ip -n pod1 neigh
