# what was learnt belongs to the next hop of a route: changes of the table, more special routes, two tables
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
ip -n r link set e1 mtu 1400
ip -n b link set e0 mtu 1400
for d in "a e0" "r e0" "r e1" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.0.1.2; }
g() { t ip -n a route get 10.0.1.2; }
p
p -M do -s 1472
g
say something else changes
t ip -n a route add 192.0.2.0/24 via 10.0.0.254
g
t ip -n a addr add 10.0.0.9/24 dev e0
g
say a more special route with the same next hop and attributes
t ip -n a route add 10.0.1.0/24 via 10.0.0.254
g
t ip -n a route show cache
t ip -n a route del 10.0.1.0/24
say and with other attributes
t ip -n a route add 10.0.1.0/24 via 10.0.0.254 metric 5
g
p -M do -s 1472
t ip -n a route show cache
t ip -n a route del 10.0.1.0/24
g
say replaced by itself, then by another
t ip -n a route replace default via 10.0.0.254
g
t ip -n a route del 192.0.2.0/24
t ip -n a route replace default via 10.0.0.254
g
t ip -n a route change default via 10.0.0.254 proto static
g
p -M do -s 1472
say gone and back
t ip -n a route del default
t ip -n a route add default via 10.0.0.254
g
p -M do -s 1472
g
say another table
t ip -n a route add default via 10.0.0.254 table 100
t ip -n a rule add from 10.0.0.9 lookup 100
t ip -n a route get 10.0.1.2 from 10.0.0.9
g
t ip netns exec a ping -c 1 -W 0.3 -I 10.0.0.9 -M do -s 1472 10.0.1.2
t ip -n a route get 10.0.1.2 from 10.0.0.9
t ip -n a route show cache
t ip -n a route show cache table 100
t ip -n a route flush table 100
t ip -n a route show cache
say by mark and by type of service
t ip -n a route add default via 10.0.0.254 table 101
t ip -n a rule add fwmark 1 lookup 101
t ip -n a route flush cache
p -m 1 -M do -s 1472
t ip -n a route get 10.0.1.2 mark 1
g
t ip -n a route add 10.0.1.0/24 tos 0x10 via 10.0.0.254
p -Q 0x10 -M do -s 1472
t ip -n a route get 10.0.1.2 tos 0x10
g
say the device goes down
t ip -n a link set e0 down
t ip -n a route show cache
t ip -n a link set e0 up
t ip -n a route add default via 10.0.0.254
g
say a lock without a number
t ip -n a route replace default via 10.0.0.254
t ip -n a route replace default via 10.0.0.254 mtu lock 0
g
p -M do -s 900
