# net.ipv4.ip_no_pmtu_disc: 0 believes, 1 takes the smallest there is, 2 does not listen, 3 wants to be sure
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
ip -n r link set e1 mtu 1400
ip -n b link set e0 mtu 1400
for d in "a e0" "r e0" "r e1" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.0.1.2; }
p
for v in 0 1 2 3; do
    say ip_no_pmtu_disc=$v
    sys a net.ipv4.ip_no_pmtu_disc=$v
    dump a a -i e0 -n -t -v
    p -s 100
    p -s 1472
    p -M want -s 1472
    p -M do -s 1472
    t ip -n a route get 10.0.1.2
    p -M do -s 1472
    p -M want -s 1472
    p -s 1472
    enddump
    t ip -n a route get 10.0.1.2
    t ip -n a route flush cache
done
say dont does not hear of it
sys a net.ipv4.ip_no_pmtu_disc=0
ip -n r link set e1 mtu 1300
ip -n b link set e0 mtu 1300
p -M dont -s 1300
