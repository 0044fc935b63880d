# a path MTU learnt by a route of several next hops: each of them learns it
# area: route
# frames: no — which next hop a packet takes is a hash with a seed that is drawn when the machine starts
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
g() { t ip -n a route get 10.0.1.2; }
ip -n r addr add 10.0.0.253/24 dev e0
p
t ip -n a route replace default nexthop via 10.0.0.254 nexthop via 10.0.0.253
p -M do -s 1472
t "ip -n a route get 10.0.1.2 | grep -c 'mtu 1400'"
t "ip -n a route show cache | wc -l"
t ip -n a route replace default via 10.0.0.254
g
