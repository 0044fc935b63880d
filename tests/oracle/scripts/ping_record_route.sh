# ping -R and -T: IP options on the way, and what a router does to them
# area: ping
# not modelled: all — IP options: record route and timestamp
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1
ip netns exec a ping -c 1 10.1.0.2 >/dev/null
dump plain a -i v0 -n -t
dump v a -i v0 -n -t -v
t ip netns exec a ping -c 1 -R 10.1.0.2
t ip netns exec a ping -c 1 -R 10.0.0.254
t ip netns exec a ping -c 1 -T tsonly 10.1.0.2
enddump
