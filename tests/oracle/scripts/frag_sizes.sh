# sizes around every limit of a path, cut here and cut on the way, and joined again
# area: icmp
ns a r b
pair a e0 02:00:00:00:00:0a r e0 02:00:00:00:01:00
pair r e1 02:00:00:00:01:01 b e0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0
ip -n r addr add 10.0.0.254/24 dev e0
ip -n r addr add 10.0.1.254/24 dev e1
ip -n b addr add 10.0.1.2/24 dev e0
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.0.1.254
sys r net.ipv4.ip_forward=1
for d in "a e0" "r e0" "r e1" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.0.1.2; }
p
for m in 1499 1001 576 69; do
    ip -n r link set e1 mtu $m
    ip -n b link set e0 mtu $m
    dump b b -i e0 -n -t
    l=$(((m - 20 & ~7) + m - 28)) # the last piece as long as it may be
    for s in $((m - 29)) $((m - 28)) $((m - 27)) $((m - 20)) $l $((l + 1)) 1472 1473; do p -M dont -s $s; done
    enddump
done
say the own device
for m in 1499 576 68; do
    ip -n a link set e0 mtu $m
    ip -n r link set e0 mtu $m
    dump r r -i e0 -n -t
    for s in $((m - 28)) $((m - 27)) $((2 * m)); do p -M want -s $s; done
    enddump
done
say as long as it can be
ip -n a link set e0 mtu 1500
ip -n r link set e0 mtu 1500
ip -n r link set e1 mtu 1400
ip -n b link set e0 mtu 1400
p -q -M dont -s 65507
p -M dont -s 65508
t ip -n r -s link show e1
