# removing addresses: routes that go with them, those that prefer them, secondaries, neighbours, sockets' sources
# area: address
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair a w0 02:00:00:00:00:1a b w1 02:00:00:00:00:1b
ip -n a addr add 10.1.0.1/24 dev w0
ip -n b addr add 10.0.0.9/24 dev v1
ip -n b addr add 10.1.0.9/24 dev w1
sys a net.ipv4.neigh.v0.delay_first_probe_time=60
setup() {
    ip -n a addr add 10.0.0.1/24 dev v0
    ip -n a addr add 10.0.0.2/24 brd + dev v0
    ip -n a addr add 10.0.0.3/24 dev v0
    ip -n a addr add 10.6.0.1/24 dev v0
    ip -n a route add default via 10.0.0.9
    ip -n a route add 10.7.0.0/16 via 10.0.0.9 src 10.0.0.2
    ip -n a route add 10.8.0.0/16 via 10.1.0.9 src 10.0.0.2
    ip -n a route add 10.8.1.0/24 via 10.1.0.9 src 10.0.0.2 table 7
    ip -n a route add 10.9.0.0/16 via 10.1.0.9 src 10.6.0.1
    for x in unreachable prohibit blackhole throw; do ip -n a route add $x 10.1${#x}.0.0/16 src 10.0.0.2; done
    ip -n a neigh add proxy 10.0.0.77 dev v0
    ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
    ip netns exec a ping -q -c 1 10.0.0.9 >/dev/null
}
look() {
    t ip -n a addr show v0
    t ip -n a route show table all
    t "ip -n a neigh show dev v0 | sort"
    t ip -n a neigh show proxy
}
sleep 1.2
setup
look
say one that a route prefers
t ip -n a addr del 10.0.0.2/24 dev v0
look
say the primary one: its secondaries go along
t ip -n a addr del 10.0.0.1/24 dev v0
look
say the last one
t ip -n a addr del 10.6.0.1/24 dev v0
look
t ip netns exec a ping -q -c 1 -W 0.2 10.0.0.9
say the same with promotion
sys a net.ipv4.conf.v0.promote_secondaries=1
ip -n a route flush 10.0.0.0/8
ip -n a route add 10.1.0.0/24 dev w0 scope link src 10.1.0.1
setup
t ip -n a addr del 10.0.0.1/24 dev v0
look
t ip -n a addr flush dev v0
look
say an address of another device
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.0.0.1/32 dev lo
t ip -n a addr del 10.0.0.1/24 dev v0
t ip -n a route show table all
t ip netns exec a ping -q -c 1 10.0.0.1
t ip -n a addr del 10.0.0.1/32 dev lo
t ip -n a route show table all
