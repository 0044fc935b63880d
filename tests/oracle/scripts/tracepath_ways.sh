# tracepath: paths that differ by direction, many hops, routers that answer with another TTL
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
say other TTLs
sys r1 net.ipv4.ip_default_ttl=255
sys r2 net.ipv4.ip_default_ttl=128
sys b net.ipv4.ip_default_ttl=255
p -n 10.0.2.2
sys r1 net.ipv4.ip_default_ttl=32
sys r2 net.ipv4.ip_default_ttl=65
sys b net.ipv4.ip_default_ttl=129
p -n 10.0.2.2
for n in r1 r2 b; do sys $n net.ipv4.ip_default_ttl=64; done
say a shortcut on the way back
pair a s0 02:00:00:00:00:a0 r2 s0 02:00:00:00:02:a0
ip -n r2 addr add 10.0.5.2/24 dev s0
ip -n a addr add 10.0.5.1/24 dev s0
ip -n r2 route replace 10.0.0.0/24 via 10.0.5.1
p -n 10.0.2.2
ip -n r2 route replace 10.0.0.0/24 via 10.0.1.1
say the way back takes less
ip -n b route replace default via 10.0.2.254 mtu 300
p -n 10.0.2.2
ip -n r1 route replace 10.0.0.0/24 dev e0 mtu 152
p -n 10.0.2.2
ip -n r1 route replace 10.0.0.0/24 dev e0
say a loop
ip -n r2 route add 10.0.9.0/24 via 10.0.1.1
ip -n r1 route add 10.0.9.0/24 via 10.0.1.2
p -n -m 7 10.0.9.1
say frames
dump a a -i e0 -n -t -v
p -n -l 64 10.0.2.2
enddump
