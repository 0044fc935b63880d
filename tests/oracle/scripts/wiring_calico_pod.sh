# Calico's wiring of a pod, step by step, with what each step shows; two pods and their node talk
# area: wiring
ns node pod1 pod2
sys node net.ipv4.ip_forward=1
sleep 0.1
ip -n node link add eth0 address 42:01:0a:00:00:17 type bridge
command ip -n node link set eth0 up
ip -n node addr add 10.0.0.23/32 dev eth0
t ip -n pod1 link add eth0 address 32:ae:50:1c:7c:42 mtu 1460 type veth peer name cali111 address ee:ee:ee:ee:ee:ee
t ip -n pod1 link set cali111 up
t ip -n pod1 link set eth0 up
t ip -n pod1 route add 169.254.1.1 dev eth0 scope link
t ip -n pod1 route add default via 169.254.1.1 dev eth0
t ip -n pod1 addr add 192.168.1.11/32 dev eth0
t ip -n pod1 link set cali111 netns node
sys node net.ipv4.conf.cali111.route_localnet=1 net.ipv4.neigh.cali111.proxy_delay=0 net.ipv4.conf.cali111.proxy_arp=1 \
    net.ipv4.conf.cali111.forwarding=1
t ip -n node link set cali111 mtu 1460 up
t ip -n node route add 192.168.1.11 dev cali111 scope link
t ip -n pod2 link add eth0 address e6:0e:ad:ba:c4:77 mtu 1460 type veth peer name cali222 netns node address ee:ee:ee:ee:ee:ee
ip -n pod2 link set eth0 up
ip -n pod2 route add 169.254.1.1 dev eth0 scope link
ip -n pod2 route add default via 169.254.1.1 dev eth0
ip -n pod2 addr add 192.168.1.12/32 dev eth0
sys node net.ipv4.neigh.cali222.proxy_delay=0 net.ipv4.conf.cali222.proxy_arp=1
ip -n node link set cali222 up
ip -n node route add 192.168.1.12 dev cali222 scope link
ip -n node route add blackhole 192.168.1.0/26 proto 80
for d in "pod1 eth0" "pod2 eth0" "node cali111" "node cali222"; do
    set -- $d
    offloads_off $1 $2
    sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60
done
sleep 1.2
for n in pod1 node; do
    t ip -n $n addr
    t ip -n $n route
    t ip -n $n -d link show type veth
    t "ip -n $n route show table local"
done
dump pod1 pod1 -i eth0 -n -t -e
dump cali222 node -i cali222 -n -t -e
t ip netns exec pod1 ping -c 2 -i 0.2 192.168.1.12
t ip netns exec pod1 ping -c 1 10.0.0.23
t ip netns exec node ping -c 1 192.168.1.12
enddump
for n in pod1 node pod2; do t "ip -n $n neigh | sort"; done
say what the node answers for
for x in 169.254.1.1 192.168.1.12 192.168.1.11 192.168.1.13 10.0.0.23 8.8.8.8; do
    t ip netns exec pod1 arping -q -c 1 -w 1 -I eth0 $x
done
say an address of the block that no pod has, and one of no block
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.1.13
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.1
say the route of the pod is lost
ip -n node route del 192.168.1.12
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.1.12
t ip -n node route get 192.168.1.12
say the pod is deleted
ip netns del pod2
sleep 0.5
t ip -n node link
t ip -n node route
t "ip -n node neigh | sort"
