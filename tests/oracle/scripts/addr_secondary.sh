# secondary addresses: what happens when the primary is deleted
# area: address
ns a
ip -n a link add br0 address 02:00:00:00:00:0a type bridge
ip -n a link set br0 up
say promote_secondaries=0
t ip -n a addr add 10.0.0.1/24 dev br0
t ip -n a addr add 10.0.0.2/24 dev br0
t ip -n a addr add 10.0.0.3/25 dev br0
t ip -n a addr add 10.0.0.4/24 dev br0 scope link
t ip -n a -4 -o addr show br0
t ip -n a -o addr show br0 primary
t ip -n a -o addr show br0 secondary
t ip -n a route
t ip -n a addr del 10.0.0.1/24 dev br0
t ip -n a -o addr show br0
t ip -n a route
t ip -n a route show table local
ip -n a addr flush dev br0
say promote_secondaries=1
t ip netns exec a sysctl -w net.ipv4.conf.br0.promote_secondaries=1
ip -n a addr add 10.0.0.1/24 brd + dev br0
ip -n a addr add 10.0.0.2/24 brd + dev br0
ip -n a addr add 10.0.0.3/24 brd + dev br0
t ip -n a route add 10.5.0.0/16 via 10.0.0.9
t ip -n a route add 10.6.0.0/16 via 10.0.0.9 src 10.0.0.1
t ip -n a addr del 10.0.0.1/24 dev br0
t ip -n a -o addr show br0
t ip -n a route
t ip -n a route show table local dev br0
t ip -n a addr del 10.0.0.3/24 dev br0
t ip -n a addr del 10.0.0.2/24 dev br0
t ip -n a -o addr show br0
t ip -n a route
t ip -n a route show table local
say all.promote_secondaries counts too
t ip netns exec a sysctl -w net.ipv4.conf.br0.promote_secondaries=0 net.ipv4.conf.all.promote_secondaries=1
ip -n a addr add 10.0.0.1/24 dev br0
ip -n a addr add 10.0.0.2/24 dev br0
t ip -n a addr del 10.0.0.1/24 dev br0
t ip -n a -o addr show br0
