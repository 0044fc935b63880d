# mtu and mtu lock of a route: what is sent, learnt and forwarded by it
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
g() { t ip -n a route get 10.0.1.2; }
p
say mtu of the own route
t ip -n a route replace default via 10.0.0.254 mtu 1300
g
p -M do -s 1273
p -M do -s 1272
dump a a -i e0 -n -t -v
p -M want -s 1273
p -M dont -s 1272
p -M want -s 1272
enddump
say larger than the device
t ip -n a route replace default via 10.0.0.254 mtu 2000
g
p -M do -s 1473
p -M do -s 1472
t ip -n a route replace default via 10.0.0.254 mtu 70000
t ip -n a route show default
p -M do -s 1473
say locked
t ip -n a route replace default via 10.0.0.254 mtu lock 1300
g
dump a a -i e0 -n -t -v
p -M want -s 1272
p -M want -s 1273
p -M do -s 1272
p -M do -s 1273
enddump
say a locked one learns nothing
ip -n r link set e1 mtu 1200
ip -n b link set e0 mtu 1200
p -M do -s 1272
g
say one that is not does, but never upwards
t ip -n a route replace default via 10.0.0.254 mtu 1300
p -M do -s 1272
g
t ip -n a route replace default via 10.0.0.254 mtu 1100
p -M do -s 1100
p -M do -s 1072
g
say mtu of the router's route
ip -n r link set e1 mtu 1500
ip -n b link set e0 mtu 1500
t ip -n a route replace default via 10.0.0.254
t ip -n r route replace 10.0.1.2/32 dev e1 mtu 1000
dump r r -i e1 -n -t -v
p -M do -s 1000
p -M dont -s 1000
t ip -n r route replace 10.0.1.2/32 dev e1 mtu lock 900
t ip -n r route get 10.0.1.2 from 10.0.0.1 iif e0
p -M do -s 900
p -M dont -s 900
enddump
say larger than the router's device
t ip -n a route flush cache
t ip -n r route replace 10.0.1.2/32 dev e1 mtu 1600
ip -n a link set e0 mtu 1600
ip -n r link set e0 mtu 1600
dump r r -i e1 -n -t
p -M do -s 1572
p -M dont -s 1573
enddump
t ip -n r -s link show e1
t ip -n b -s link show e0
