# path MTU over two smaller links: what ping says, what is learnt, what is sent in pieces, and pieces of pieces
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
ip -n r1 link set e1 mtu 1400
ip -n r2 link set e0 mtu 1400
ip -n r2 link set e1 mtu 1301
ip -n b link set e0 mtu 1301
p() { t ip netns exec a ping -c 1 -W 0.5 "$@" 10.0.2.2; }
p
dump r2 r2 -i e1 -n -t
say in pieces of pieces
p -M dont -s 1472
p -M dont -s 4000
enddump
t ip -n a route show cache
say DF: one limit after the other
p -M do -s 1472
t ip -n a route get 10.0.2.2
p -M do -s 1372
t ip -n a route get 10.0.2.2
p -M do -s 1274
p -M do -s 1273
t ip -n a route show cache
say want: what is longer than the path takes goes without DF
dump a a -i e0 -n -t -v
p -M want -s 1273
p -M want -s 1274
p -M dont -s 1200
p -M dont -s 1472
enddump
say a router of the way knows nothing of it
t ip -n r1 route get 10.0.2.2 from 10.0.0.1 iif e0
t ip -n r1 route show cache
say the other direction: b does not learn from what it answers
t ip -n b route show cache
t ip netns exec b ping -c 1 -W 0.5 -M do -s 1400 10.0.0.1
t ip netns exec b ping -c 1 -W 0.5 -M do -s 1273 10.0.0.1
