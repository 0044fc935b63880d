# every state of a neighbour set by hand, and what a packet, a question and time make of it
# area: neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev v1
sys a net.ipv4.neigh.v0.delay_first_probe_time=1 net.ipv4.neigh.v0.retrans_time_ms=300
for s in reachable stale delay probe permanent noarp failed incomplete none; do
    say $s
    t ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0 nud $s
    sleep 0.1
    t ip -n a neigh show nud all dev v0
    dump v1 b -i v1 -n -t arp
    t ip netns exec a ping -q -c 1 -W 1 10.0.0.2 >/dev/null
    enddump
    t "ip -n a neigh show nud all dev v0"
    ip -n a neigh del 10.0.0.2 dev v0
done
say the same, where nobody answers
ip -n b addr del 10.0.0.2/24 dev v1
for s in stale delay probe failed incomplete; do
    say $s
    ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0 nud $s
    sleep 0.1
    dump v1 b -i v1 -n -t arp
    t ip netns exec a ping -q -c 1 -W 0.1 10.0.0.2 >/dev/null
    sleep 3
    enddump
    t ip -n a neigh show nud all dev v0
    ip -n a neigh del 10.0.0.2 dev v0
done
say counts of probes
sys a net.ipv4.neigh.v0.mcast_solicit=1 net.ipv4.neigh.v0.ucast_solicit=0
dump v1 b -i v1 -n -t arp
t ip netns exec a ping -q -c 1 -W 2 10.0.0.2
ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0 nud stale
t ip netns exec a ping -q -c 1 -W 0.1 10.0.0.2
sleep 2.5
t ip -n a neigh
sys a net.ipv4.neigh.v0.mcast_solicit=5 net.ipv4.neigh.v0.ucast_solicit=2 net.ipv4.neigh.v0.mcast_resolicit=2
ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0 nud stale
t ip netns exec a ping -q -c 1 -W 0.1 10.0.0.2
sleep 4
t ip -n a neigh
enddump
