# tracepath: names of hops, where no name server answers
# area: tools
# frames: no — the real resolver asks the name server of this machine, which these namespaces do not reach
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
p() { t ip netns exec a tracepath "$@"; }
p 10.0.2.2
p -b 10.0.2.2
p -b -n 10.0.2.2
