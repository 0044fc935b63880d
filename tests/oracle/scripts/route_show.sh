# ip route: every type, attributes, order of show, filters
# area: route
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
t ip -n a route
t ip -n a route show table local
t ip -n a route show table all
ip -n a addr add 10.0.0.1/24 brd + dev v0
t ip -n a route
t ip -n a route add default via 10.0.0.254
t ip -n a route add 10.1.0.0/16 via 10.0.0.9
t ip -n a route add 10.1.2.0/24 via 10.0.0.9 metric 100
t ip -n a route add 10.1.2.0/24 via 10.0.0.8 metric 50
t ip -n a route add 10.1.2.0/24 dev v0 metric 10 scope link
t ip -n a route add 10.1.2.3 dev v0
t ip -n a route add 10.1.2.4/32 dev v0 scope host
t ip -n a route add 10.1.2.5 dev v0 scope link src 10.0.0.1
t ip -n a route add 10.2.0.0/16 via 10.0.0.9 dev v0 proto static
t ip -n a route add 10.3.0.0/16 via 10.0.0.9 proto bird
t ip -n a route add 10.3.1.0/24 via 10.0.0.9 proto 80
t ip -n a route add 10.3.2.0/24 via 10.0.0.9 proto boot
t ip -n a route add 10.4.0.0/16 via 10.9.9.9 dev v0 onlink
t ip -n a route add 10.5.0.0/16 via 10.0.0.9 mtu 1400
t ip -n a route add 10.5.1.0/24 via 10.0.0.9 mtu lock 1300 advmss 1200
t ip -n a route add 10.5.2.0/24 via 10.0.0.9 window 1000 hoplimit 9 rtt 100ms initcwnd 5 quickack 1
t ip -n a route add unreachable 10.6.0.0/16
t ip -n a route add prohibit 10.7.0.0/16
t ip -n a route add blackhole 10.8.0.0/16 proto 80
t ip -n a route add throw 10.9.0.0/16 metric 5
t ip -n a route add local 10.10.0.0/16 dev lo
t ip -n a route add broadcast 10.11.0.0/16 dev v0
t ip -n a route add 10.12.0.0/16 dev v0 tos 0x10
t ip -n a route add 10.12.0.0/16 dev v0 realm 5
t ip -n a route add nat 10.13.0.0/16 dev v0
t ip -n a route add multicast 224.1.0.0/16 dev v0
t ip -n a route add unicast 10.14.0.0/16 dev v0 scope global
t ip -n a route add 10.15.0.0/16 dev v0 scope 200
t ip -n a route add 0.0.0.0/1 dev v0
t ip -n a route
t ip -n a -d route
t ip -n a route show table local
t ip -n a route show table all
