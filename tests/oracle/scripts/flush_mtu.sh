# changes of the MTU: what follows at once, what is dropped, what the neighbours and routes say
# area: link
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1
for d in "a v0" "r r0" "r r1" "b v1"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.1.0.2; }
p -s 1472
p -s 1473
p -M do -s 1473
say the next segment is smaller
t ip -n r link set r1 mtu 1400
t ip -n b link set v1 mtu 1400
t ip -n r neigh show dev r1
p -s 1372
p -M do -s 1472
t ip -n a route get 10.1.0.2
p -M do -s 1472
p -s 1472
sleep 1.1
say still smaller: what was learnt is not enough
t ip -n r link set r1 mtu 1300
t ip -n b link set v1 mtu 1300
p -M do -s 1372
t ip -n a route get 10.1.0.2
say larger again: what was learnt stays for its time
t ip -n r link set r1 mtu 1500
t ip -n b link set v1 mtu 1500
p -M do -s 1472
t ip -n a route get 10.1.0.2
say the own device, smaller than what was learnt
t ip -n a link set v0 mtu 1200
t ip -n a route get 10.1.0.2
p -M do -s 1272
t ip -n a link set v0 mtu 1500
t ip -n a route get 10.1.0.2
say forgotten with the cache
t ip -n a route flush cache
t ip -n a route get 10.1.0.2
p -M do -s 1472
say what a device takes: more than it sends, less than the other end
t ip -n b link set v1 mtu 1000
p -s 1300
t ip -n b -s link show v1
say the ends of what is allowed
for m in 68 65535 65536 67 0 -1 x; do t ip -n b link set v1 mtu $m; done
t ip -n b link show v1
t ip -n a link set lo mtu 100000
t ip -n a link show lo
