# an MTU of a route that is below what IPv4 may ask for: nothing is sent from here, and what is passed on is cut, if it can be
# area: route
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
for m in 69 68 67 28 21; do
    t ip -n a route replace default via 10.0.0.254 mtu $m
    t ip -n a route get 10.0.1.2
    p -M dont -s 8
    p -M do -s 8
    p -s 100
done
ip -n a route replace default via 10.0.0.254
say passed on
dump b b -i e0 -n -t
for m in 40 36 28; do
    t ip -n r route replace 10.0.1.2 dev e1 mtu $m
    p -M do -s 15
    p -M dont -s 15
    t ip -n a route flush cache
done
enddump
say answered
ip -n r route del 10.0.1.2
ip -n b route replace default via 10.0.1.254 mtu 40
dump b b -i e0 -n -t
p -s 100
enddump
