# a path MTU below min_pmtu: 552, locked, and DF is no longer set; a router forwards by it
# area: icmp
ns a r1 r2 b
pair a e0 02:00:00:00:00:0a r1 e0 02:00:00:00:01:00
pair r1 e1 02:00:00:00:01:01 r2 e0 02:00:00:00:02:00
pair r2 e1 02:00:00:00:02:01 b e0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0
ip -n r1 addr add 10.0.0.254/24 dev e0
ip -n r1 addr add 10.0.1.1/24 dev e1
ip -n r2 addr add 10.0.1.2/24 dev e0
ip -n r2 addr add 10.0.2.254/24 dev e1
ip -n b addr add 10.0.2.2/24 dev e0
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.0.2.254
ip -n r1 route add 10.0.2.0/24 via 10.0.1.2
ip -n r2 route add 10.0.0.0/24 via 10.0.1.1
sys r1 net.ipv4.ip_forward=1
sys r2 net.ipv4.ip_forward=1
ip -n r2 link set e1 mtu 400
ip -n b link set e0 mtu 400
for d in "a e0" "r1 e0" "r1 e1" "r2 e0" "r2 e1" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec $1 ping -c 1 -W 0.3 "${@:2}" 10.0.2.2; }
p a
p r1
p a -M do -s 1000
t ip -n a route get 10.0.2.2
p a -M do -s 524
p a -M do -s 525
dump a a -i e0 -n -t -v
p a -s 500
p a -s 525
p a -M want -s 100
enddump
say a router that learnt it for itself
p r1 -M do -s 1000
t ip -n r1 route get 10.0.2.2
t ip -n r1 route get 10.0.2.2 from 10.0.0.1 iif e0
t ip -n a route flush cache
dump r1 r1 -i e1 -n -t -v
p a -M do -s 1000
p a -M dont -s 1000
enddump
t ip -n a route get 10.0.2.2
say not below, so not locked: forwarding does not care, unless ip_forward_use_pmtu says so
t ip -n r1 route flush cache
t ip -n a route flush cache
ip -n r2 link set e1 mtu 600
ip -n b link set e0 mtu 600
p r1 -M do -s 1000
t ip -n r1 route get 10.0.2.2 from 10.0.0.1 iif e0
p a -M do -s 1000
t ip -n a route flush cache
sys r1 net.ipv4.ip_forward_use_pmtu=1
dump r1 r1 -i e1 -n -t -v
p a -M do -s 1000
p a -M dont -s 1000
enddump
t ip -n r1 route get 10.0.2.2 from 10.0.0.1 iif e0
say another minimum
t ip -n a route flush cache
t ip -n r1 route flush cache
sys a net.ipv4.route.min_pmtu=1000
p a -M do -s 1100
t ip -n a route get 10.0.2.2
p a -M do -s 972
p a -M do -s 973
