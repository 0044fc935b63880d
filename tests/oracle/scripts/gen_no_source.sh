# generated: without any address packets leave with the source 0.0.0.0; the error about them goes to 127.0.0.1
# area: icmp
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
sys a net.ipv4.neigh.v0.retrans_time_ms=50 net.ipv4.neigh.v0.mcast_solicit=1
t ip -n a route add 10.0.1.0/24 dev v0
dump lo a -i lo -n -t
dump v0 a -i v0 -n -t
t ip netns exec a ping -n -c 1 -W 0.5 10.0.1.1
enddump
