# what a received ARP does to an entry in each state (F8, F11, F43)
# area: neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
for s in none failed stale reachable permanent noarp; do
    for m in 02:00:00:00:00:0b 02:00:00:00:00:99; do
        say "$s with $m, then b asks for 10.0.0.1"
        ip -n a neigh flush nud all 
        ip -n a neigh del 10.0.0.2 dev v0 2>/dev/null
        ip -n a neigh replace 10.0.0.2 lladdr $m dev v0 nud $s
        ip netns exec b arping -q -b -f -c 1 -I v1 10.0.0.1
        t ip -n a neigh show nud all
    done
done
say incomplete, then b asks
ip -n a neigh flush nud all
ip -n a neigh del 10.0.0.2 dev v0 2>/dev/null
sys b net.ipv4.conf.v1.arp_ignore=8
ip netns exec a ping -c 1 -W 0.2 10.0.0.2 >/dev/null
t ip -n a neigh
dump b b -i v1 -n -t
ip netns exec b arping -q -f -c 1 -I v1 10.0.0.1
enddump
t ip -n a neigh
