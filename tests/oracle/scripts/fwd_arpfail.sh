# forwarding to a neighbour that does not answer (F25), and to a link that is down (F28)
# area: forward
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n a route add default via 10.0.0.254
sys r net.ipv4.ip_forward=1
dump r0 r -i r0 -n -t -v icmp
dump r1 r -i r1 -n -t
t ip netns exec a ping -c 3 -i 0.3 -W 4 10.1.0.2
enddump
t "ip -n r neigh | sort"
say one more while FAILED
t ip netns exec a ping -c 1 -W 4 10.1.0.2
say the far end is down
ip -n b link set v1 down
sleep 1.2
t ip -n r route
t ip netns exec a ping -c 1 -W 4 10.1.0.2
say the near end is down
ip -n r link set r1 down
sleep 1.2
t ip -n r route
t ip netns exec a ping -c 1 -W 1 10.1.0.2
