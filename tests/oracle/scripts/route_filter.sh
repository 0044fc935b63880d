# ip route show: filters and forms
# area: route
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a link add br0 address 02:00:00:00:00:09 type bridge
ip -n a link set br0 up
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a addr add 10.20.0.1/24 dev br0
ip -n a route add default via 10.0.0.254 proto static
ip -n a route add 10.1.0.0/16 via 10.0.0.9
ip -n a route add 10.1.2.0/24 via 10.0.0.9 metric 5
ip -n a route add 10.1.2.3 dev v0 scope link
ip -n a route add blackhole 10.8.0.0/16
ip -n a route add 10.7.0.0/16 via 10.0.0.9 table 100
ip -n a route add unreachable default table 100 metric 4278198272
t ip -n a route show
t ip -n a route show dev v0
t ip -n a route show dev br0
t ip -n a route show dev lo
t ip -n a route show dev nope
t ip -n a route show via 10.0.0.9
t ip -n a route show via 10.0.0.0/24
t ip -n a route show proto static
t ip -n a route show proto kernel
t ip -n a route show proto boot
t ip -n a route show scope link
t ip -n a route show scope global
t ip -n a route show scope host
t ip -n a route show src 10.0.0.1
t ip -n a route show type blackhole
t ip -n a route show type unicast
t ip -n a route show type local
t ip -n a route show type broadcast table local
t ip -n a route show table 100
t ip -n a route show table default
t ip -n a route show table main
t ip -n a route show table 254
t ip -n a route show table nope
t ip -n a route show table 77
t ip -n a route show 10.1.2.0/24
t ip -n a route show 10.1.2.3
t ip -n a route show exact 10.1.0.0/16
t ip -n a route show root 10.1.0.0/16
t ip -n a route show match 10.1.2.3
t ip -n a route show to match 10.1.2.0/24
t ip -n a route show default
t ip -n a route show exact default
t ip -n a route show 0/0
t ip -n a route show root 0/0
t ip -n a route show metric 5
t ip -n a route show cache
t ip -n a route list
t ip -n a route ls table all dev v0
t ip -n a -4 route
t ip -n a -6 route
t ip -n a -o route
t ip -n a -br route
t ip -n a -s route
t ip -n a -j route
t ip -n a -j -p route show dev v0
t ip -n a -j route show table all type local
t ip -n a -N route show dev v0
t "ip -n a -c route | cat -v"
t ip -n a r
t ip -n a ro sh dev br0
t ip -n a rou g 10.0.0.7
t ip -n a r l t 100
