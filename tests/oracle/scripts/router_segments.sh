# a router between two segments: what is seen on each, what it changes, what it answers itself
# area: forward
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
for d in "a v0" "r r0" "r r1" "b v1"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
sleep 1.2
say it forwards nothing before it is told to
dump r0 r -i r0 -n -t
t ip netns exec a ping -c 1 -W 0.3 10.1.0.2
t ip netns exec a ping -c 1 10.1.0.254
enddump
sys r net.ipv4.ip_forward=1
say cold
dump v0 a -i v0 -n -t -e
dump v1 b -i v1 -n -t -e
t ip netns exec a ping -c 1 10.1.0.2
enddump
for n in a r b; do t "ip -n $n neigh | sort"; done
say warm, with and without a life to spare
dump r1 r -i r1 -n -t -v icmp
t ip netns exec a ping -c 1 -t 2 10.1.0.2
t ip netns exec a ping -c 1 -t 1 10.1.0.2
enddump
sleep 1.1
t ip netns exec a ping -c 1 -t 1 10.1.0.254
t ip netns exec b ping -c 1 -t 1 10.0.0.1
say one direction only
sys r net.ipv4.conf.r1.forwarding=0
dump any r -i any -n -t icmp
t ip netns exec a ping -c 1 -W 0.3 10.1.0.2
t ip netns exec b ping -c 1 -W 0.3 10.0.0.1
enddump
sys r net.ipv4.conf.r1.forwarding=1
say the far segment is down
ip -n b link set v1 down
sleep 1.2
t ip netns exec a ping -c 1 -W 0.3 10.1.0.2
t ip -n r route
sys r net.ipv4.conf.r1.ignore_routes_with_linkdown=1
sleep 1.1
t ip netns exec a ping -c 1 -W 0.3 10.1.0.2
ip -n r link set r1 down
sleep 1.2
t ip netns exec a ping -c 1 -W 0.3 10.1.0.2
t ip -n r route
