# NUD states over time, with short timers
# area: neighbour
# not modelled: ntable — ip ntable
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
t ip netns exec a sysctl net.ipv4.neigh.v0
t ip -n a ntable show dev v0 name arp_cache
sys a net.ipv4.neigh.v0.base_reachable_time_ms=2100 net.ipv4.neigh.v0.delay_first_probe_time=1 net.ipv4.neigh.v0.retrans_time_ms=300
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
dump a a -i v0 -n -t -e
t ip netns exec a ping -c 1 10.0.0.2
t ip -n a neigh
sleep 3.7
t ip -n a neigh
t ip netns exec a ping -c 1 10.0.0.2
t ip -n a neigh
sleep 1.3
t ip -n a neigh
sleep 3.7
t ip -n a neigh
enddump
say the peer goes silent: DELAY, PROBE, FAILED
ip netns exec b sysctl -qw net.ipv4.conf.v1.arp_ignore=8
dump a a -i v0 -n -t -e
t ip netns exec a ping -c 1 10.0.0.2
t ip -n a neigh
sleep 1.3
t ip -n a neigh
sleep 1.3
t ip -n a neigh
t ip netns exec a ping -c 1 -W 2 10.0.0.2
enddump
t ip -n a neigh
