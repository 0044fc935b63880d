# reachable_time shorter than delay_first_probe_time: an idle entry never
# becomes STALE, it goes REACHABLE - DELAY - PROBE - REACHABLE for ever
# area: neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
sys a net.ipv4.neigh.v0.base_reachable_time_ms=200 net.ipv4.neigh.v0.delay_first_probe_time=1
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
t ip netns exec a ping -c 1 10.0.0.2
t "timeout 8 ip netns exec a tcpdump -l -i v0 -n -t -e -c 6 2>/dev/null"
