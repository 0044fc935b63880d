# ping through a router: ICMP errors as ping prints them
# area: ping
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
ip -n r route add unreachable 10.6.0.0/16
ip -n r route add prohibit 10.7.0.0/16
ip -n r route add blackhole 10.8.0.0/16
ip -n r route add throw 10.9.0.0/16
t ip netns exec a ping -c 2 -i 0.2 10.1.0.2
t ip netns exec a ping -c 1 -t 1 10.1.0.2
t ip netns exec a ping -c 3 -i 0.2 -t 1 10.1.0.2
t ip netns exec a ping -c 1 -t 2 10.1.0.2
t ip netns exec a ping -v -c 1 -t 1 10.1.0.2
t ip netns exec a ping -q -c 1 -t 1 10.1.0.2
sleep 1.1
t ip netns exec a ping -n -D -c 1 -t 1 10.1.0.2
t ip netns exec a ping -c 1 -W 1 10.6.0.1
sleep 1.1
t ip netns exec a ping -c 1 -W 1 10.7.0.1
sleep 1.1
t ip netns exec a ping -c 1 -W 0.5 10.8.0.1
t ip netns exec a ping -c 1 -W 1 10.9.0.1
sleep 1.1
t ip netns exec a ping -c 1 -W 1 99.9.9.9
t ip netns exec a ping -c 1 -W 4 10.1.0.77
say MTU
ip -n r link set r1 mtu 1400
ip -n b link set v1 mtu 1400
t ip netns exec a ping -c 1 -s 1373 -M do 10.1.0.2
t ip -n a route get 10.1.0.2
t ip netns exec a ping -c 2 -i 0.2 -s 1373 -M do 10.1.0.2
t ip netns exec a ping -c 1 -s 1372 -M do 10.1.0.2
t ip netns exec a ping -c 1 -s 1373 10.1.0.2
t ip netns exec a ping -c 1 -s 1373 -M dont 10.1.0.2
ip -n a route flush cache
t ip netns exec a ping -c 2 -i 0.2 -s 1373 10.1.0.2
t ip -n a route show cache
