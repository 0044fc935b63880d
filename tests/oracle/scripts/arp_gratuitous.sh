# gratuitous ARP: arping -U and -A, arp_accept, change of MAC (F43, F44)
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
dump b b -i v1 -n -t -e
t ip netns exec a arping -q -U -c 1 -w 1 -I v0 10.0.0.1
t ip netns exec a arping -q -A -c 1 -w 1 -I v0 10.0.0.1
enddump
t ip -n b neigh
say arp_accept=1
for i in 1 2; do
    sys b net.ipv4.conf.v1.arp_accept=$i
    t ip netns exec a arping -q -U -c 1 -w 1 -I v0 10.0.0.1
    t ip -n b neigh
    ip -n b neigh flush all
    t ip netns exec a arping -q -A -c 1 -w 1 -I v0 10.0.0.1
    t ip -n b neigh
    ip -n b neigh flush all
done
sys b net.ipv4.conf.v1.arp_accept=0
say a known neighbour changes its MAC
t ip netns exec b ping -c 1 10.0.0.1
t ip -n b neigh
ip -n a link set v0 address 02:00:00:00:00:aa
t ip netns exec b ping -c 1 -W 0.3 10.0.0.1
t ip -n b neigh
t ip netns exec a arping -q -U -c 1 -w 1 -I v0 10.0.0.1
t ip -n b neigh
t ip netns exec b ping -c 1 -W 0.3 10.0.0.1
ip -n a link set v0 address 02:00:00:00:00:ab
t ip netns exec a arping -q -A -c 1 -w 1 -I v0 10.0.0.1
t ip -n b neigh
say a permanent entry stays
ip -n b neigh replace 10.0.0.1 lladdr 02:00:00:00:00:77 dev v1 nud permanent
t ip netns exec a arping -q -U -c 1 -w 1 -I v0 10.0.0.1
t ip -n b neigh
