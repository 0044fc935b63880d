# entries deleted by hand, with ip and with arp: what is asked anew, what waits, what errors say
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
sys a net.ipv4.neigh.v0.delay_first_probe_time=60
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
arp() { t ip netns exec a arp -n "$@"; }
t ip netns exec a ping -q -c 1 10.0.0.2 >/dev/null
arp
dump v1 b -i v1 -n -t arp
arp -d 10.0.0.2
arp
t ip netns exec a ping -q -c 1 10.0.0.2
t ip -n a neigh del 10.0.0.2 dev v0
t ip -n a neigh
t ip netns exec a ping -q -c 1 10.0.0.2
enddump
say twice, of another device, and without one
t ip -n a neigh del 10.0.0.2 dev v0
t ip -n a neigh del 10.0.0.2 dev v0
t ip -n a neigh del 10.0.0.2 dev lo
t ip -n a neigh del 10.0.0.2
arp -d 10.0.0.2
arp -d 10.0.0.2 -i v0
arp -d 10.9.9.9
say while packets wait for it
sys a net.ipv4.neigh.v0.retrans_time_ms=5000
ip netns exec a ping -q -c 1 -w 1 10.0.0.3 >out &
sleep 0.3
t ip -n a neigh
t ip -n a neigh del 10.0.0.3 dev v0
t ip -n a neigh
wait
t cat out
say a failed one
sys a net.ipv4.neigh.v0.retrans_time_ms=100
t ip netns exec a ping -q -c 1 -W 1 10.0.0.4
t ip -n a neigh
arp
t ip -n a neigh del 10.0.0.4 dev v0
t ip -n a neigh
say a permanent one
t ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
arp -d 10.0.0.5
t ip -n a neigh
t ip netns exec a arp -s 10.0.0.5 02:00:00:00:00:05
t ip -n a neigh del 10.0.0.5 dev v0
t ip -n a neigh
say flush leaves the permanent ones, unless they are named
t ip netns exec a ping -q -c 1 10.0.0.2 >/dev/null
ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
t ip -n a neigh flush all
t ip -n a neigh
t ip -n a -s neigh flush dev v0
t ip -n a -s neigh flush dev v0 nud permanent
t ip -n a neigh
