# ip link set down: what is flushed, what stays, and what comes back with up
# area: link
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair a w0 02:00:00:00:00:1a b w1 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a addr add 10.0.0.2/24 dev v0
ip -n a addr add 10.5.0.1 peer 10.5.0.2/32 dev v0
ip -n a addr add 10.1.0.1/24 dev w0
ip -n b addr add 10.0.0.9/24 dev v1
ip -n b addr add 10.1.0.9/24 dev w1
sys a net.ipv4.neigh.v0.delay_first_probe_time=60 net.ipv4.conf.v0.rp_filter=2
ip -n a route add default via 10.0.0.9
ip -n a route add 10.7.0.0/16 via 10.0.0.9 metric 5
ip -n a route add 10.7.0.0/16 via 10.1.0.9 metric 6
ip -n a route add 10.8.0.0/16 nexthop via 10.0.0.9 nexthop via 10.1.0.9
ip -n a route add 10.9.0.0/16 via 10.0.0.9 table 7
ip -n a route add 10.10.0.0/16 via 10.1.0.9 src 10.0.0.1
ip -n a route add unreachable 10.11.0.0/16
ip -n a route add local 10.12.0.1 dev v0
ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
ip -n a neigh add proxy 10.0.0.6 dev v0
ip -n a rule add from 10.0.0.1 table 7
ip netns exec a ping -q -c 1 10.0.0.9 >/dev/null
look() {
    t ip -n a addr show v0
    t ip -n a route show table all
    t "ip -n a neigh show dev v0 | sort"
    t ip -n a neigh show proxy dev v0
    t ip -n a rule
    t ip netns exec a sysctl net.ipv4.conf.v0.rp_filter net.ipv4.neigh.v0.delay_first_probe_time
}
sleep 1.2
look
t ip -n a link set v0 down
sleep 1.2
look
say what can be reached
t ip netns exec a ping -q -c 1 -W 0.2 10.0.0.9
t ip netns exec a ping -q -c 1 10.0.0.1
t ip netns exec a ping -q -c 1 -W 0.2 10.7.0.1
t ip -n a route get 10.8.0.1
t ip -n a route add 10.13.0.0/16 dev v0
t ip -n a addr add 10.0.0.3/24 dev v0
t ip -n a neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0
t ip -n a link set v0 up
sleep 1.2
look
t ip netns exec a ping -q -c 1 10.0.0.9
say proxy entries and the carrier, the MAC address
t ip -n a neigh add proxy 10.0.0.6 dev v0
t ip -n a link set v0 address 02:00:00:00:00:2a
t ip -n a neigh show proxy
ip -n b link set v1 down
sleep 1.2
t ip -n a neigh show proxy
sys a net.ipv4.conf.v0.arp_evict_nocarrier=0
ip -n b link set v1 up
sleep 1.2
t ip -n a neigh add proxy 10.0.0.6 dev v0
ip -n b link set v1 down
sleep 1.2
t ip -n a neigh show proxy
t ip -n a link set v0 arp off
t ip -n a neigh show proxy
t ip -n a link set v0 up
