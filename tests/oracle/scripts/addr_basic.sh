# ip addr: add, show forms, delete, replace, change, flush
# area: address
ns a b
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
t ip -n a addr
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a addr show dev v0
t ip -n a link set v0 up
t ip -n a addr show dev v0
t ip -n b link set v1 up
t ip -n a addr show v0
t ip -n a addr add 10.0.0.2/24 brd + dev v0
t ip -n a addr add 10.0.1.1/24 brd 10.0.1.255 dev v0 label v0:1
t ip -n a addr add 10.9.0.1 peer 10.9.0.2/30 dev v0
t ip -n a addr add 10.7.0.1 dev v0 scope link
t ip -n a addr add 10.6.0.1/16 dev v0 scope host metric 50
t ip -n a addr show dev v0
t ip -n a -br addr
t ip -n a -br addr show dev v0
t ip -n a -o addr
t ip -n a -4 addr
t ip -n a -6 addr
t ip -n a -4 -o addr show v0
t ip -n a route
t ip -n a addr del 10.0.0.2/24 dev v0
t ip -n a addr del 10.7.0.1 dev v0
t ip -n a addr del 10.9.0.1 peer 10.9.0.2/30 dev v0
t ip -n a addr show dev v0
t ip -n a addr flush dev v0
t ip -n a addr show dev v0
t ip -n a addr flush dev v0
t ip -n a addr
