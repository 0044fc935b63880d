# three routers in a row: who answers for how long a life, and with which address
# area: forward
ns a r s u b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:01:01
pair r r1 02:00:00:00:01:02 s s0 02:00:00:00:02:01
pair s s1 02:00:00:00:02:02 u u0 02:00:00:00:03:01
pair u u1 02:00:00:00:03:02 b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.1/30 dev r1
ip -n s addr add 10.1.0.2/30 dev s0
ip -n s addr add 10.2.0.1/30 dev s1
ip -n u addr add 10.2.0.2/30 dev u0
ip -n u addr add 10.3.0.254/24 dev u1
ip -n b addr add 10.3.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n r route add default via 10.1.0.2
ip -n s route add 10.0.0.0/16 via 10.1.0.1
ip -n s route add 10.3.0.0/16 via 10.2.0.2
ip -n u route add default via 10.2.0.1
ip -n b route add default via 10.3.0.254
for n in r s u; do sys $n net.ipv4.ip_forward=1; done
sleep 1.2
for ttl in 1 2 3 4 5; do t ip netns exec a ping -c 1 -t $ttl 10.3.0.2; sleep 1; done
for ttl in 1 2 3 4 5; do t ip netns exec b ping -n -q -c 1 -t $ttl 10.0.0.1; done
say every address of the routers answers
for x in 10.0.0.254 10.1.0.1 10.1.0.2 10.2.0.1 10.2.0.2 10.3.0.254; do t ip netns exec a ping -q -c 1 $x; done
say the router in the middle does not know the way
t ip netns exec a ping -c 1 -W 0.5 10.9.0.1
ip -n r route add 10.3.9.0/24 via 10.1.0.2
ip -n u route add unreachable 10.3.9.0/24
ip -n u route add prohibit 10.3.8.0/24
ip -n u route add blackhole 10.3.7.0/24
sleep 1
for x in 10.3.9.1 10.3.8.1 10.3.7.1; do t ip netns exec a ping -c 1 -W 0.5 $x; sleep 1; done
say a loop
ip -n u route add 10.3.6.0/24 via 10.2.0.1
t ip netns exec a ping -c 1 -W 0.5 10.3.6.1
t ip netns exec a ping -c 1 -W 0.5 -t 9 10.3.6.1
say the address of the device by which it came, if so wished
sys s net.ipv4.icmp_errors_use_inbound_ifaddr=1
ip -n s addr add 10.2.7.7/32 dev lo
t ip netns exec a ping -c 1 -t 2 10.3.0.2
say a preferred source on the way back
sleep 1
ip -n s route change 10.0.0.0/16 via 10.1.0.1 src 10.2.7.7
t ip netns exec a ping -c 1 -t 2 10.3.0.2
sys s net.ipv4.icmp_errors_use_inbound_ifaddr=0
sleep 1
t ip netns exec a ping -c 1 -t 2 10.3.0.2
