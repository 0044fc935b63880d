# what the ptp plugin does at ADD, in its order, and what is left after DEL
# area: wiring
ns node pod1 pod2
add() { # POD VETH MAC-NODE IP MAC
    t ip -n $1 link add eth0 mtu 1460 txqueuelen 0 address $5 type veth peer name $2 netns node mtu 1460 txqueuelen 0 address $3
    t ip -n node link set $2 up
    t ip -n $1 addr add $4/24 brd 10.32.0.255 dev eth0
    t ip -n $1 link set eth0 up
    t ip -n $1 route add default via 10.32.0.1 dev eth0
    t ip -n $1 route del 10.32.0.0/24 dev eth0
    t ip -n $1 route add 10.32.0.1/32 dev eth0 scope link src $4
    t ip -n $1 route add 10.32.0.0/24 via 10.32.0.1 dev eth0 src $4
    t ip -n node addr add 10.32.0.1/32 dev $2
    t ip -n node route add $4/32 dev $2 scope host
}
sys node net.ipv4.ip_forward=1
add pod1 veth5d6f0a11 02:00:00:00:11:11 10.32.0.2 32:ae:50:1c:7c:42
add pod2 vethe73c1f42 02:00:00:00:22:22 10.32.0.3 e6:0e:ad:ba:c4:77
sleep 1.2
for n in pod1 node; do
    t ip -n $n addr
    t ip -n $n route
    t ip -n $n route show table local
done
t ip netns exec pod1 ping -c 1 10.32.0.3
t ip netns exec node ping -c 1 10.32.0.3
for n in pod1 node pod2; do t "ip -n $n neigh | sort"; done
say DEL of the first, whose gateway is an address of the second too
t ip -n pod1 link del eth0
t ip -n node addr
t ip -n node route
t ip -n node route show table local
t "ip -n node neigh | sort"
t ip netns exec pod2 ping -c 1 10.32.0.1
say DEL of the second
t ip -n pod2 link del eth0
t ip -n node addr
t ip -n node route show table local
t ip -n node neigh
say the first comes back under its address and another name
add pod1 veth0badcafe 02:00:00:00:33:33 10.32.0.2 32:ae:50:1c:7c:43
t ip netns exec node ping -c 1 10.32.0.2
