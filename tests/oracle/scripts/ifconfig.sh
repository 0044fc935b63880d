# ifconfig and netstat
# area: tools
# not modelled: all — ifconfig and netstat
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a route add default via 10.0.0.254
ip -n a route add unreachable 10.6.0.0/16
t ip netns exec a netstat -rn
t ip netns exec a ifconfig
t ip netns exec a ifconfig v0
t ip netns exec a ifconfig -a -s
t ip netns exec a ifconfig nope
t ip netns exec a ifconfig v0 10.0.0.7 netmask 255.255.255.128
t ip -n a -o addr show v0
t ip netns exec a ifconfig v0 down
t ip netns exec a route -n
