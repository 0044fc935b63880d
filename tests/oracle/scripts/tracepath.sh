# tracepath: hops and path MTU of a path with two smaller links, and what stands in its way
# area: tools
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
for d in "a e0" "r1 e0" "r1 e1" "r2 e0" "r2 e1" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
for n in r1 r2 b; do sys $n net.ipv4.icmp_ratelimit=0; done
p() { t ip netns exec a tracepath "$@"; }
p -n 10.0.2.2
say the MTUs of the path
ip -n r1 link set e1 mtu 1400
ip -n r2 link set e0 mtu 1400
ip -n r2 link set e1 mtu 1300
ip -n b link set e0 mtu 1300
p -n 10.0.2.2
t ip -n a route get 10.0.2.2
say once more: what was learnt is not asked
p -n 10.0.2.2
p -n -l 1500 10.0.2.2
p -n -l 1000 10.0.2.2
p -n -l 29 10.0.2.2
t ip -n a route flush cache
p -n -l 1350 10.0.2.2
t ip -n a route flush cache
p -n -m 2 10.0.2.2
p -n -m 1 10.0.2.2
p -n -m 0 10.0.2.2
p -n -p 33434 10.0.2.2
p -n 10.0.2.2/5000
say the way ends
p -n 10.0.2.77
p -n 10.0.9.1
p -n 10.0.0.254
p -n 10.0.0.1
p -n 127.0.0.1
p -n 10.0.0.77
t ip -n r2 route add prohibit 10.0.9.0/24
t ip -n r1 route add 10.0.9.0/24 via 10.0.1.2
p -n 10.0.9.1
t ip -n r1 route add prohibit 10.0.8.0/24
p -n 10.0.8.1
t ip -n a route add unreachable 10.0.7.0/24
p -n 10.0.7.1
t ip -n a route add prohibit 10.0.6.0/24
p -n 10.0.6.1
p -n 255.255.255.255
p -n 10.0.0.255
say nobody answers
t ip -n r2 rule add iif lo to 10.0.0.0/24 blackhole
p -n -m 3 10.0.2.2
t ip -n r2 rule del iif lo to 10.0.0.0/24 blackhole
say the next device takes less than is sent to it
ip -n r1 link set e0 mtu 1000
t ip -n a route flush cache
p -n 10.0.2.2
p -n -l 1004 10.0.2.2
