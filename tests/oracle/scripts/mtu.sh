# fragmentation and path MTU at a router
# area: icmp
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
ip -n r link set r1 mtu 1000
ip -n b link set v1 mtu 1000
ip netns exec a ping -c 1 10.1.0.2 >/dev/null
dump a r -i r0 -n -t
dump b r -i r1 -n -t
t ip netns exec a ping -c 1 -W 0.5 -s 1400 -M dont 10.1.0.2
t ip netns exec a ping -c 1 -W 0.5 -s 1400 -M do 10.1.0.2
t ip -n a route get 10.1.0.2
t ip -n a route show cache
t ip netns exec a ping -c 1 -W 0.5 -s 1400 -M do 10.1.0.2
t ip netns exec a ping -c 1 -W 0.5 -s 973 -M do 10.1.0.2
t ip netns exec a ping -c 1 -W 0.5 -s 972 -M do 10.1.0.2
t ip netns exec a ping -c 1 -W 0.5 -s 1400 -M want 10.1.0.2
enddump
say a route with mtu lock
ip -n a route flush cache
t ip -n a route add 10.1.0.0/16 via 10.0.0.254 mtu lock 900
t ip -n a route get 10.1.0.2
t ip netns exec a ping -c 1 -W 0.5 -s 1000 -M do 10.1.0.2
t ip netns exec a ping -c 1 -W 0.5 -s 872 10.1.0.2
ip -n a route del 10.1.0.0/16
say unequal MTUs of a veth pair
ip -n r link set r1 mtu 1500
t ip netns exec a ping -c 1 -W 0.5 -s 1400 -M do 10.1.0.2
t ip -n b -s link show v1
t ip -n r -s link show r1
