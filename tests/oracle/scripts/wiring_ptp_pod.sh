# the ptp plugin's wiring of a pod: the gateway is an address of every veth
# area: wiring
ns node pod1 pod2
sys node net.ipv4.ip_forward=1
pod() { # POD VETH MAC-NODE IP MAC
    t ip -n $1 link add eth0 address $5 type veth peer name $2 netns node address $3
    t ip -n $1 link set eth0 up
    t ip -n $1 addr add $4/24 dev eth0
    t ip -n $1 route del 10.32.0.0/24 dev eth0
    t ip -n $1 route add 10.32.0.1 dev eth0 src $4
    t ip -n $1 route add 10.32.0.0/24 via 10.32.0.1 dev eth0 src $4
    t ip -n $1 route add default via 10.32.0.1 dev eth0
    t ip -n node link set $2 up
    t ip -n node addr add 10.32.0.1/32 dev $2
    t ip -n node route add $4/32 dev $2 scope host
    offloads_off $1 eth0
    sys $1 net.ipv4.neigh.eth0.delay_first_probe_time=60
    sys node net.ipv4.neigh.$2.delay_first_probe_time=60
}
pod pod1 veth1 02:00:00:00:11:11 10.32.0.5 32:ae:50:1c:7c:42
pod pod2 veth2 02:00:00:00:22:22 10.32.0.9 e6:0e:ad:ba:c4:77
sleep 1.2
for n in pod1 node; do
    t ip -n $n addr
    t ip -n $n route
    t ip -n $n route show table local
done
t ip -n node route get 10.32.0.5
t ip -n node route get 10.32.0.9 from 10.32.0.5 iif veth1
t ip -n pod1 route get 10.32.0.9
t ip -n pod1 route get 10.32.0.1
dump pod1 pod1 -i eth0 -n -t -e
dump veth2 node -i veth2 -n -t -e
t ip netns exec pod1 ping -c 2 -i 0.2 10.32.0.9
t ip netns exec pod1 ping -c 1 10.32.0.1
t ip netns exec node ping -c 1 10.32.0.9
enddump
for n in pod1 node pod2; do t "ip -n $n neigh | sort"; done
say for whom the node answers
for x in 10.32.0.1 10.32.0.9 10.32.0.77 8.8.8.8; do t ip netns exec pod1 arping -q -c 1 -w 1 -I eth0 $x; done
say strict filters let pods in
sys node net.ipv4.conf.all.rp_filter=1
t ip netns exec pod1 ping -c 1 -W 0.3 10.32.0.9
say a pod that takes the address of another
ip -n pod1 addr add 10.32.0.9/32 dev lo
t ip netns exec pod1 ping -c 1 -W 0.3 -I 10.32.0.9 10.32.0.1
sys node net.ipv4.conf.all.rp_filter=0
t ip netns exec pod1 ping -c 1 -W 0.3 -I 10.32.0.9 10.32.0.1
say without forwarding
sys node net.ipv4.ip_forward=0
t ip netns exec pod1 ping -c 1 -W 0.3 10.32.0.9
t ip netns exec pod1 ping -c 1 10.32.0.1
say pod2 is deleted
ip netns del pod2
sleep 0.5
t ip -n node route
t ip -n node addr
