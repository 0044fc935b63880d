# a neighbour gets another MAC address: who notices, when, and how the entry goes on
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
sys a net.ipv4.neigh.v0.delay_first_probe_time=60 net.ipv4.neigh.v0.locktime=0
sys b net.ipv4.neigh.v1.delay_first_probe_time=60 net.ipv4.neigh.v1.locktime=0
look() { t ip -n a neigh; t ip -n b neigh; }
t ip netns exec a ping -c 1 10.0.0.2
look
say b changes: it forgets its neighbours, a does not know
t ip -n b link set v1 address 02:00:00:00:00:1b
look
dump v1 b -i v1 -n -t -e
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
enddump
look
say b sends first: its request tells a
t ip netns exec b ping -c 1 10.0.0.1
look
t ip netns exec a ping -c 1 10.0.0.2
say an answer with another address while the entry is REACHABLE
ip -n b link set v1 address 02:00:00:00:00:2b
t ip netns exec b arping -q -c 1 -A -I v1 10.0.0.2
look
say locktime: a second change within a second is not believed
sys a net.ipv4.neigh.v0.locktime=100
ip -n b link set v1 address 02:00:00:00:00:3b
t ip netns exec b arping -q -c 1 -A -I v1 10.0.0.2
ip -n b link set v1 address 02:00:00:00:00:4b
t ip netns exec b arping -q -c 1 -A -I v1 10.0.0.2
look
sleep 1.2
t ip netns exec b arping -q -c 1 -A -I v1 10.0.0.2
look
say the own change
t ip -n a link set v0 address 02:00:00:00:00:1a
look
dump v1 b -i v1 -n -t -e
t ip netns exec a ping -c 1 10.0.0.2
enddump
look
say told by arp_notify
sys b net.ipv4.conf.v1.arp_notify=1
dump v0 a -i v0 -n -t -e
ip -n b link set v1 address 02:00:00:00:00:5b
enddump
look
