# ip route: errors and exit statuses
# area: route
# compare: part ^\$ ip -n a route (add|add via 10.0.0.9 2>&1 \| head -n 2|del 2>&1 \| head -n 2)$ — the usage is not copied
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a link add d0 address 02:00:00:00:00:09 type bridge
ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a route add 10.1.0.0/16 via 10.0.0.9
t ip -n a route add 10.1.0.0/16 via 10.0.0.9
t ip -n a route add 10.1.0.0/16 via 10.0.0.8
t ip -n a route add 10.1.0.0/16 via 10.0.0.8 metric 1
t ip -n a route add 10.2.0.0/16 via 10.99.0.1
t ip -n a route add 10.2.0.0/16 via 10.99.0.1 dev v0
t ip -n a route add 10.20.0.0/16 via 10.0.0.1
t ip -n a route get 10.20.0.1
t ip -n a route add 10.21.0.0/16 via 10.0.0.1 dev v0
t ip -n a route get 10.21.0.1
t ip -n a route add 10.21.1.0/24 via 10.0.0.1 dev d0
t ip -n a route add 10.2.0.0/16 via 10.0.0.255
t ip -n a route add 10.2.0.0/16 via 10.1.0.5
t ip -n a route add 10.22.0.0/16 via 127.0.0.1
t ip -n a route get 10.22.0.1
t ip -n a route add 10.2.0.0/16 via 0.0.0.0
t ip -n a route add 10.2.0.0/16 via 224.0.0.1 dev v0
t ip -n a route add 10.2.0.0/16 dev d0
t ip -n a route add 10.2.0.0/16 via 10.0.0.9 dev d0
t ip -n a route add 10.2.0.0/16 via 10.0.0.9 dev d0 onlink
t ip -n a route add 10.2.0.0/16 via 10.0.0.9 dev nope
t ip -n a route add 10.2.0.0/16 dev nope
t ip -n a route add 10.2.0.0/16
t ip -n a route add
t ip -n a route add 10.2.0.1/16 dev v0
t ip -n a route add 10.2.0.0/33 dev v0
t ip -n a route add 10.2.0.0/16 dev v0 frob
t ip -n a route add hello dev v0
t ip -n a route add 10.2.0.0/16 via hello
t ip -n a route add 10.2.0.0/16 via 10.0.0.9 scope link
t ip -n a route add 10.2.0.0/16 via 10.0.0.9 scope host
t ip -n a route add 10.2.0.0/16 dev v0 scope nope
t ip -n a route add 10.2.0.0/16 dev v0 src 10.0.0.77
t ip -n a route add 10.2.0.0/16 dev v0 src hello
t ip -n a route add 10.2.0.0/16 dev v0 metric x
t ip -n a route add 10.2.0.0/16 dev v0 metric -1
t ip -n a route add 10.2.0.0/16 dev v0 proto nope
t ip -n a route add 10.2.0.0/16 dev v0 table nope
t ip -n a route add 10.2.0.0/16 dev v0 mtu x
t ip -n a route add nosuchtype 10.2.0.0/16
t ip -n a route add blackhole 10.2.0.0/16 via 10.0.0.9
t ip -n a route add local 10.2.0.0/16 dev lo scope global
t ip -n a route add local 10.2.0.0/16
t ip -n a route add 10.23.0.0/16 dev lo
t ip -n a route get 10.23.0.1
t "ip -n a route add via 10.0.0.9 2>&1 | head -n 2"
t ip -n a route add 10.2.0.0/16 onlink
t ip -n a route add 10.2.0.0/16 via 10.0.0.9 onlink
t ip -n a route add 10.0.0.0/24 dev v0
t ip -n a route del 10.77.0.0/16
t ip -n a route del 10.1.0.0/16 via 10.0.0.77
t ip -n a route del 10.1.0.0/16 dev d0
t ip -n a route del default
t "ip -n a route del 2>&1 | head -n 2"
t ip -n a route del 10.1.0.0/16 metric 99
t ip -n a route replace 10.5.0.0/16 via 10.99.0.1
t ip -n a route change 10.5.0.0/16 via 10.0.0.9
t ip -n a route frob
t ip -n a route add fd00::/64 dev v0
t ip -n a route add 10.2.0.0/16 nexthop
t ip -n a route add 10.30.0.0/16 nexthop via 10.0.0.9 weight 0
t ip -n a route add 10.30.0.0/16 nexthop via 10.0.0.9 weight 256
t ip -n a route add 10.30.0.0/16 nexthop via 10.0.0.9 weight 257
t ip -n a route add 10.30.0.0/16 nexthop via 10.99.0.9
t ip -n a route
