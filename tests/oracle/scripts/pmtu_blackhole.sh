# errors that are lost: a path that swallows what is too long, and says nothing
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
ip -n r2 link set e1 mtu 1300
ip -n b link set e0 mtu 1300
for d in "a e0" "r1 e0" "r1 e1" "r2 e0" "r2 e1" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.0.2.2; }
p
say the errors of r2 go nowhere, and what b sends comes through
t ip -n r2 rule add iif lo to 10.0.0.0/24 blackhole
p -M do -s 1400
p -M do -s 1273
p -M do -s 1272
t ip -n a route get 10.0.2.2
t ip -n r2 rule del iif lo to 10.0.0.0/24 blackhole
say the router on the way back drops them for their source
t ip -n r1 rule add from 10.0.1.2 blackhole
p -M do -s 1400
t ip netns exec a ping -c 1 -W 0.3 10.0.1.2
t ip -n a route get 10.0.2.2
t ip -n r1 rule del from 10.0.1.2 blackhole
say the host itself takes nothing from there
t ip -n a route add blackhole 10.0.1.0/24
sys a net.ipv4.conf.e0.rp_filter=1
p -M do -s 1400
p -M do -s 1400
p -M dont -s 1400
t ip -n a route del blackhole 10.0.1.0/24
sys a net.ipv4.conf.e0.rp_filter=0
say the first router takes in less than is sent to it, and no error is ever made
ip -n r1 link set e0 mtu 1200
p -M do -s 1177
p -M do -s 1176
p -M dont -s 1472
t ip -n r1 -s link show e0
t ip -n a -s link show e0
ip -n r1 link set e0 mtu 1500
say heard at last
p -M do -s 1400
p -M do -s 1400
