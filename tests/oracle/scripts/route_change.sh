# ip route: del, replace, change, append, prepend, flush, multipath
# area: route
# not modelled: route save — ip route save
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a route add 10.1.0.0/16 via 10.0.0.9
t ip -n a route replace 10.1.0.0/16 via 10.0.0.8
t ip -n a route replace 10.1.0.0/16 via 10.0.0.7 metric 5
t ip -n a route change 10.1.0.0/16 via 10.0.0.6 metric 5
t ip -n a route append 10.1.0.0/16 via 10.0.0.5
t ip -n a route append 10.1.0.0/16 via 10.0.0.5
t ip -n a route prepend 10.1.0.0/16 via 10.0.0.4
t ip -n a route
t ip -n a route get 10.1.2.3
t ip -n a route replace 10.1.0.0/16 via 10.0.0.3
t ip -n a route
t ip -n a route del 10.1.0.0/16
t ip -n a route
t ip -n a route del 10.1.0.0/16 via 10.0.0.6
t ip -n a route del 10.1.0.0/16
t ip -n a route del 10.1.0.0/16
t ip -n a route
t ip -n a route replace blackhole 10.1.0.0/16
t ip -n a route replace 10.1.0.0/16 via 10.0.0.9
t ip -n a route del blackhole 10.1.0.0/16
t ip -n a route del unicast 10.1.0.0/16
say multipath
t ip -n a route add 10.2.0.0/16 nexthop via 10.0.0.9 weight 1 nexthop via 10.0.0.8 weight 2
t ip -n a route add 10.3.0.0/16 proto static metric 9 nexthop via 10.0.0.9 dev v0 nexthop via 10.0.0.7 dev v0 onlink nexthop dev v0
t ip -n a route
t ip -n a -o route show 10.2.0.0/16
t ip -n a -j -p route show 10.2.0.0/16
t ip -n a route replace 10.2.0.0/16 nexthop via 10.0.0.9 nexthop via 10.0.0.8
t ip -n a route show 10.2.0.0/16
t ip -n a route del 10.2.0.0/16 via 10.0.0.9
t ip -n a route del 10.2.0.0/16 nexthop via 10.0.0.9 nexthop via 10.0.0.8
t ip -n a route
say tables and flush
t ip -n a route add 10.4.0.0/16 via 10.0.0.9 table 100
t ip -n a route add default via 10.0.0.9 table 5000
t ip -n a route add default via 10.0.0.9 table default
t ip -n a route show table 5000
t ip -n a route show table all
t ip -n a route flush table 100
t ip -n a route flush table 100
t ip -n a route flush proto static
t ip -n a route flush 10.0.0.0/24
t ip -n a route flush
t ip -n a route flush cache
t ip -n a route flush table all
t ip -n a route show table all
t ip -n a -s route flush table main
t ip -n a route save table main
