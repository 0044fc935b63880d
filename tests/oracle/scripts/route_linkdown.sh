# linkdown, dead; which routes go away with a link or an address
# area: route
# compare: no route get 10.7.0.5 — a hash with a random key chooses the leg
ns a b c
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair a w0 02:00:00:00:00:1a c w1 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a addr add 10.2.0.1/24 dev w0
ip -n a route add default via 10.0.0.254
ip -n a route add 10.5.0.0/16 dev v0 scope link
ip -n a route add 10.6.0.0/16 via 10.0.0.9 src 10.2.0.1
ip -n a route add 10.7.0.0/16 nexthop via 10.0.0.9 nexthop via 10.2.0.9
ip -n a route add 10.8.0.0/16 via 10.0.0.9 table 100
ip -n a route add unreachable 10.9.0.0/16
t ip -n a route
t ip -n b link set v1 down
sleep 1.2
t ip -n a route
t ip -n a route show table local
t ip -n a route get 10.0.0.5
t ip -n a route get 10.7.0.5
t ip netns exec a sysctl -w net.ipv4.conf.v0.ignore_routes_with_linkdown=1
t ip -n a route
t ip -n a route get 10.0.0.5
t ip -n a route get fibmatch 10.7.0.5
t ip netns exec a sysctl -w net.ipv4.conf.v0.ignore_routes_with_linkdown=0
t ip -n b link set v1 up
sleep 1.2
t ip -n a route
t ip -n a link set v0 down
t ip -n a route
t ip -n a route show table all
t ip -n a addr show v0
t ip -n a route get 10.0.0.1
t ip -n a link set v0 up
sleep 1.2
t ip -n a route
t ip -n a route show table local
say delete the address that is a preferred source
t ip -n a route add 10.6.0.0/16 via 10.0.0.9 src 10.2.0.1
t ip -n a route add 10.6.1.0/24 via 10.0.0.9
t ip -n a route add 10.6.2.0/24 via 10.2.0.9
t ip -n a addr del 10.2.0.1/24 dev w0
t ip -n a route
t ip -n a addr add 10.2.0.1/24 dev w0
t ip -n a addr del 10.0.0.1/24 dev v0
t ip -n a route
say delete the link
t ip -n a route add 10.8.0.0/16 dev v0
t ip -n a link del v0
t ip -n a route
t ip -n a route show table all
