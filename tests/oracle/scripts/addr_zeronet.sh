# 0.0.0.0/8 is an ordinary network but for its first address
# area: address
ns a r
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
ip -n a addr add 0.1.0.5/16 dev v0
ip -n r addr add 0.1.0.6/16 dev r0
ip -n a addr add 0.0.0.5/24 dev v0
ip -n r addr add 0.0.0.6/24 brd + dev r0
sleep 1.2
for n in a r; do
    t ip -n $n addr show up
    t ip -n $n route
    t ip -n $n route show table local
done
t ip netns exec a ping -c 1 0.1.0.6
t ip -n a neigh
t ip -n a route get 0.0.0.6
t ip -n a route get 0.1.0.0
t ip -n a route get 0.0.0.0
t ip -n a route add 0.2.0.0/16 via 0.1.0.6
t ip -n a route add 10.0.0.0/8 via 0.1.0.0
t ip -n a route add 10.0.0.0/8 via 0.0.0.0
t ip -n a route add 10.1.0.0/16 via 0.0.0.9 dev v0 onlink
t ip -n a route
t ip netns exec a ping -c 1 -W 0.2 0.1.0.0
t ip netns exec a ping -c 1 -W 0.2 0.0.0.0
t ip netns exec a arping -q -c 1 -w 1 -I v0 0.1.0.6
t ip -n a addr del 0.1.0.5/16 dev v0
t ip -n a route
