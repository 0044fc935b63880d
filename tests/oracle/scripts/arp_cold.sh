# cold resolution seen on both ends, then entries on both ends
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
dump a a -i v0 -n -t -e
dump b b -i v1 -n -t -e
t ip netns exec a ping -c 2 -i 0.3 10.0.0.2
enddump
t ip -n a neigh
t ip -n b neigh
say the second direction needs no ARP
dump a a -i v0 -n -t
t ip netns exec b ping -c 1 10.0.0.1
enddump
t ip -n a neigh
t ip -n b neigh
say delete one side
dump a a -i v0 -n -t -e
t ip -n b neigh del 10.0.0.1 dev v1
t ip netns exec a ping -c 1 10.0.0.2
enddump
t ip -n b neigh
say a permanent entry: no ARP from a
ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
ip -n b neigh flush all
dump a a -i v0 -n -t
t ip netns exec a ping -c 1 10.0.0.2
enddump
t ip -n a neigh
say a wrong permanent entry
ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 dev v0
dump b b -i v1 -n -t -e
dump p b -i v1 -n -t -e -p
t ip netns exec a ping -c 1 -W 0.3 10.0.0.2
enddump
t ip -n b -s link show v1
