# the error itself: its source, how much it quotes, its TTL and type of service
# area: icmp
ns a r b
pair a e0 02:00:00:00:00:0a r e0 02:00:00:00:01:00
pair r e1 02:00:00:00:01:01 b e0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0
ip -n r addr add 192.0.2.1/32 dev lo
ip -n r addr add 10.0.9.254/24 dev e0
ip -n r addr add 10.0.0.254/24 dev e0
ip -n r addr add 10.0.1.254/24 dev e1
ip -n b addr add 10.0.1.2/24 dev e0
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.0.1.254
sys r net.ipv4.ip_forward=1
ip -n r link set e1 mtu 1400
ip -n b link set e0 mtu 1400
for d in "a e0" "r e0" "r e1" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.0.1.2; t ip -n a route flush cache; }
p
dump a a -i e0 -n -t -v
p -M do -s 1472
p -M do -s 1472 -Q 0x48
p -M do -s 1400 -t 7
p -M do -s 1373 -p ff
enddump
say the address of the route back
ip -n r route add 10.0.0.1/32 dev e0 src 192.0.2.1
dump a a -i e0 -n -t -v
p -M do -s 1472
enddump
say the address of the device it came by
sys r net.ipv4.icmp_errors_use_inbound_ifaddr=1
dump a a -i e0 -n -t -v
p -M do -s 1472
enddump
say less is quoted where the way back takes less
ip -n r route replace 10.0.0.1/32 dev e0 mtu 300
dump a a -i e0 -n -t -v
p -M do -s 1472
enddump
ip -n r route replace 10.0.0.1/32 dev e0 mtu 576
dump a a -i e0 -n -t -v
p -M do -s 1472
enddump
say about the first of several fragments only, and about no error
ip -n r link set e1 mtu 1500
ip -n b link set e0 mtu 1500
ip -n r route replace 10.0.0.1/32 dev e0 mtu 200
dump r r -i any -n -t
t ip netns exec a ping -c 1 -W 0.3 -M dont -s 2000 10.0.1.99
sleep 3.2
enddump
