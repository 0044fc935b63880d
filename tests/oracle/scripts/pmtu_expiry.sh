# what was learnt of a path: for how long, how often it is renewed, and what the switches have to do with it
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
t ip netns exec a sysctl net.ipv4.route.mtu_expires net.ipv4.route.min_pmtu net.ipv4.ip_no_pmtu_disc net.ipv4.ip_forward_use_pmtu
t ip netns exec a sysctl -w net.ipv4.route.mtu_expires=4
p -M do -s 1472
sleep 0.5
t ip -n a route get 10.0.1.2
sleep 1
t ip -n a route get 10.0.1.2
p -M do -s 1472
sleep 3
say over
t ip -n a route get 10.0.1.2
t ip -n a route show cache
p -M do -s 1472
sleep 0.5
t ip -n a route get 10.0.1.2
say flushed
t ip -n a route flush cache
t ip -n a route show cache
t ip -n a route get 10.0.1.2
say what the switches take
for v in 0 4 -1 x 67 68 1500; do t ip netns exec a sysctl -w net.ipv4.route.min_pmtu=$v; done
for v in 0 -1 x; do t ip netns exec a sysctl -w net.ipv4.route.mtu_expires=$v; done
for v in -1 4 255 256 3; do t ip netns exec a sysctl -w net.ipv4.ip_no_pmtu_disc=$v; done
for v in -1 2 256 1; do t ip netns exec a sysctl -w net.ipv4.ip_forward_use_pmtu=$v; done
t ip netns exec a sysctl net.ipv4.route.mtu_expires net.ipv4.route.min_pmtu net.ipv4.ip_no_pmtu_disc net.ipv4.ip_forward_use_pmtu
