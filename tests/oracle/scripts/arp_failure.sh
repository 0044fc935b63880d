# failure of resolution: three probes, error, queue, FAILED (F22-F24, F30)
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
dump v0 a -i v0 -n -ttt -e
dump lo a -i lo -n -t
ip netns exec a ping -c 4 -i 0.5 -W 4 10.0.0.9 >out 2>&1 &
sleep 0.3
t ip -n a neigh
t ip netns exec a arp -n
wait $!
say "ping -c 4 -i 0.5 -W 4 10.0.0.9: exit $?"
cat out
enddump
t ip -n a neigh
t ip -n a -s neigh
t ip netns exec a arp -an
t ip netns exec a cat /proc/net/arp
say mcast_solicit=1, retrans_time_ms=200
sys a net.ipv4.neigh.v0.mcast_solicit=1 net.ipv4.neigh.v0.retrans_time_ms=200
dump v0 a -i v0 -n -ttt
t ip netns exec a ping -c 1 -W 2 10.0.0.8
enddump
say the queue keeps the newest packets
ip netns exec a sysctl -qw net.ipv4.neigh.v0.unres_qlen=3
t ip netns exec a sysctl net.ipv4.neigh.v0.unres_qlen net.ipv4.neigh.v0.unres_qlen_bytes
ip netns exec b sysctl -qw net.ipv4.conf.v1.arp_ignore=8
ip -n b addr add 10.0.0.2/24 dev v1
sys a net.ipv4.neigh.v0.mcast_solicit=5 net.ipv4.neigh.v0.retrans_time_ms=500
dump v0 a -i v0 -n -t
(sleep 0.3; ip netns exec b sysctl -qw net.ipv4.conf.v1.arp_ignore=0) &
t ip netns exec a ping -l 8 -c 8 -W 1 10.0.0.2
enddump
