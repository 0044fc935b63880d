# ip route get
# area: route
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a addr add 10.0.0.2/24 dev v0
ip -n a route add default via 10.0.0.254
ip -n a route add 10.1.0.0/16 via 10.0.0.9 src 10.0.0.2 metric 7
ip -n a route add 10.5.0.0/16 via 10.0.0.9 mtu 1400 advmss 1111
ip -n a route add unreachable 10.6.0.0/16
ip -n a route add prohibit 10.7.0.0/16
ip -n a route add blackhole 10.8.0.0/16
ip -n a route add throw 10.9.0.0/16
ip -n a route add 10.3.0.0/16 nexthop via 10.0.0.9 nexthop via 10.0.0.8
ip -n a route add 10.77.0.0/16 via 10.0.0.77 table 100
ip -n a rule add fwmark 7 table 100
t ip -n a route get 10.0.0.5
t ip -n a route get 8.8.8.8
t ip -n a route get 10.1.2.3
t ip -n a route get 10.5.2.3
t ip -n a route get 10.0.0.1
t ip -n a route get 10.0.0.2
t ip -n a route get 127.0.0.1
t ip -n a route get 127.1.2.3
t ip -n a route get 10.0.0.255
t ip -n a route get 10.0.0.0
t ip -n a route get 255.255.255.255
t ip -n a route get 224.0.0.1
t ip -n a route get 0.0.0.0
t ip -n a route get default
t ip -n a route get 10.0.0.0/24
t ip -n a route get 10.6.0.1
t ip -n a route get 10.7.0.1
t ip -n a route get 10.8.0.1
t ip -n a route get 10.9.0.1
t ip -n a route get 10.0.0.5 from 10.0.0.2
t ip -n a route get 8.8.8.8 from 10.0.0.2
t ip -n a route get 8.8.8.8 from 1.2.3.4
t ip -n a route get 8.8.8.8 from 1.2.3.4 iif v0
t ip -n a route get 10.0.0.1 from 10.0.0.7 iif v0
t ip -n a route get 10.0.0.255 from 10.0.0.7 iif v0
t ip -n a route get 10.6.0.1 from 10.0.0.7 iif v0
t ip netns exec a sysctl -w net.ipv4.ip_forward=1
t ip -n a route get 8.8.8.8 from 1.2.3.4 iif v0
t ip -n a route get 8.8.8.8 from 10.0.0.7 iif v0
t ip -n a route get 8.8.8.8 iif v0
t ip -n a route get 10.6.0.1 from 10.0.0.7 iif v0
t ip -n a route get 8.8.8.8 from 127.0.0.1 iif v0
t ip -n a route get 8.8.8.8 from 10.0.0.1 iif v0
t ip -n a route get 127.0.0.1 from 10.0.0.7 iif v0
t ip -n a route get 8.8.8.8 iif lo
t ip -n a route get 8.8.8.8 iif nope
t ip -n a route get 8.8.8.8 oif v0
t ip -n a route get 8.8.8.8 oif lo
t ip -n a route get 8.8.8.8 oif nope
t ip -n a route get 8.8.8.8 dev v0
t ip -n a route get 10.77.0.1 mark 7
t ip -n a route get 10.77.0.1
t ip -n a route get 10.77.0.1 mark 0x7 oif v0
t ip -n a route get 8.8.8.8 tos 0x10
t ip -n a route get 8.8.8.8 uid 0
t ip -n a route get 8.8.8.8 ipproto tcp dport 80 sport 1000
t ip -n a route get fibmatch 8.8.8.8
t ip -n a route get fibmatch 10.1.2.3
t ip -n a route get fibmatch 10.0.0.5
t ip -n a route get fibmatch 10.0.0.1
t ip -n a route get fibmatch 10.8.0.1
t ip -n a route get fibmatch 10.3.0.1
t ip -n a route get to 10.0.0.5
t ip -n a -o route get 10.0.0.5
t ip -n a -j route get 10.0.0.5
t ip -n a -j -p route get 8.8.8.8 from 10.0.0.7 iif v0
t ip -n a -d route get 8.8.8.8
t ip -n a route get
t ip -n a route get hello
t ip -n a route get 10.0.0.5 frob
t ip -n a route del default
t ip -n a route get 8.8.8.8
t ip -n a route get 8.8.8.8 from 10.0.0.7 iif v0
t ip -n a route get 8.8.8.8 oif v0
