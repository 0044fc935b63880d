# two directions, two MTUs: requests that pass and answers in pieces, and ends of a cable that disagree
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
say b sends less than it takes
ip -n b route replace default via 10.0.1.254 mtu 1000
dump b b -i e0 -n -t
p -M do -s 1472
p -M do -s 973
p -M do -s 972
enddump
ip -n b route replace default via 10.0.1.254
say the router sends less towards a than a towards the router
ip -n r route replace 10.0.0.0/24 dev e0 mtu 1200
dump a a -i e0 -n -t
p -M do -s 1472
p -M do -s 1173
p -M do -s 1172
enddump
ip -n r route replace 10.0.0.0/24 dev e0
say a sends more than the router takes: 4 bytes more are let in
ip -n a link set e0 mtu 1600
for s in 1476 1477 1572; do p -M do -s $s; done
for s in 1476 1477 1572; do p -M dont -s $s; done
t ip -n r -s link show e0
say the router takes it, and cuts it
ip -n r link set e0 mtu 1600
for s in 1472 1473 1572; do p -M dont -s $s; done
p -M do -s 1473
say b takes less than the router sends
ip -n b link set e0 mtu 1280
for s in 1256 1257 1472; do p -M dont -s $s; done
t ip -n b -s link show e0
t ip -n r -s link show e1
say loopback
t ip netns exec a ping -c 1 -W 0.3 -M do -s 65507 127.0.0.1
t ip netns exec a ping -c 1 -W 0.3 -M do -s 65508 127.0.0.1
t ip -n a link set lo mtu 1000
t ip netns exec a ping -c 1 -W 0.3 -M do -s 973 127.0.0.1
t ip netns exec a ping -c 1 -W 0.3 -M do -s 972 10.0.0.1
t ip netns exec a ping -c 1 -W 0.3 -M want -s 2000 10.0.0.1
