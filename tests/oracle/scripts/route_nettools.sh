# route, route -n, /proc/net/route
# area: tools
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a route add default via 10.0.0.254
ip -n a route add 10.1.0.0/16 via 10.0.0.9 metric 20 mtu 1400
ip -n a route add 10.1.2.3 dev v0
ip -n a route add unreachable 10.6.0.0/16
ip -n a route add blackhole 10.7.0.0/16
ip -n a route add prohibit 10.8.1.1
ip -n a route add 10.9.0.0/16 nexthop via 10.0.0.9 nexthop via 10.0.0.8
t ip netns exec a route -n
t ip netns exec a route -ne
t ip netns exec a route -nee
t ip netns exec a cat /proc/net/route
t ip netns exec a route add -net 10.20.0.0/16 gw 10.0.0.9
t ip netns exec a route add -host 10.21.0.1 dev v0
t ip netns exec a route add -net 10.22.0.0 netmask 255.255.0.0 gw 10.0.0.9 metric 4
t ip netns exec a route add -net 10.23.0.0/16 reject
t ip netns exec a route add default gw 10.0.0.9
t ip netns exec a route add default gw 10.99.0.9
t ip netns exec a route add -net 10.22.0.0/16 gw 10.0.0.9 metric 4
t ip netns exec a route del -net 10.20.0.0/16
t ip netns exec a route del -net 10.20.0.0/16
t ip netns exec a route add -net 10.20.0.1/16 dev v0
t ip netns exec a route del default
t ip -n a route
ip -n a link set v0 down
t ip netns exec a route -n
t ip netns exec b route -n
