# permanent entries: made with ip and with arp, used without a question, not changed by what is heard
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
dump v1 b -i v1 -n -t -e
t ip netns exec a arp -s 10.0.0.2 02:00:00:00:00:0b
t ip -n a neigh
t ip netns exec a arp -n
t ip netns exec a ping -q -c 1 10.0.0.2
say a wrong one
t ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:77 dev v0
t ip netns exec a ping -q -c 1 -W 0.2 10.0.0.2
t ip netns exec b ping -q -c 1 -W 0.2 10.0.0.1
t ip netns exec b arping -q -c 1 -U -I v1 10.0.0.2
t ip netns exec b arping -q -c 1 -A -I v1 10.0.0.2
t ip -n a neigh
say made right by hand, and given back to ARP
t ip -n a neigh change 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
t ip netns exec a ping -q -c 1 10.0.0.2
t ip -n a neigh change 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0 nud stale
t ip netns exec a ping -q -c 1 10.0.0.2
enddump
t "ip -n a neigh | sed 's/REACHABLE\|DELAY\|STALE/NOT FIXED/'"
say nud noarp
t ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0 nud noarp
t ip -n a neigh
t ip -n a neigh show nud noarp dev v0
t ip netns exec a arp -n
t ip netns exec a ping -q -c 1 10.0.0.2
say over the wire that goes down, and the address that goes
t ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
ip -n b link set v1 down
sleep 1.2
t ip -n a neigh
ip -n b link set v1 up
sleep 1.2
ip -n a link set v0 down
t ip -n a neigh
ip -n a link set v0 up
sleep 1.2
t ip -n a neigh
t ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
t ip -n a addr del 10.0.0.1/24 dev v0
t ip -n a neigh
say for an address that is not on the link
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 192.168.7.7/32 dev lo
t ip -n a neigh add 192.168.7.7 lladdr 02:00:00:00:00:0b dev v0
t ip netns exec a ping -q -c 1 192.168.7.7
t ip -n a route add 192.168.7.7 dev v0
t ip netns exec a ping -q -c 1 192.168.7.7
