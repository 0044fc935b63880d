# two routers on two segments each: the way there is not the way back, and a route changes under traffic
# area: forward
ns a r s b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:01:01
pair a w0 02:00:00:00:00:1a s s0 02:00:00:00:02:01
pair r r1 02:00:00:00:01:02 b v1 02:00:00:00:00:0b
pair s s1 02:00:00:00:02:02 b w1 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.1.0.1/24 dev w0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.2.0.254/24 dev r1
ip -n s addr add 10.1.0.254/24 dev s0
ip -n s addr add 10.3.0.254/24 dev s1
ip -n b addr add 10.2.0.2/24 dev v1
ip -n b addr add 10.3.0.2/24 dev w1
ip -n b addr add 192.168.9.9/32 dev lo
for n in r s; do
    sys $n net.ipv4.ip_forward=1
done
ip -n r route add 192.168.9.9 via 10.2.0.2
ip -n s route add 192.168.9.9 via 10.3.0.2
ip -n r route add 10.1.0.0/24 via 10.0.0.1
ip -n s route add 10.0.0.0/24 via 10.1.0.1
ip -n a route add 192.168.9.9 via 10.0.0.254
ip -n b route add default via 10.3.0.254
sleep 1.2
all() { for d in "a v0" "a w0" "b v1" "b w1"; do set -- $d; dump $2 $1 -i $2 -n -t icmp; done; }
say there by r, back by s
all
t ip netns exec a ping -c 1 192.168.9.9
enddump
say by s alone
ip -n a route replace 192.168.9.9 via 10.1.0.254
all
t ip netns exec a ping -c 1 192.168.9.9
enddump
say the sender is strict
ip -n a route replace 192.168.9.9 via 10.0.0.254
sys a net.ipv4.conf.all.rp_filter=1
t ip netns exec a ping -c 1 -W 0.2 192.168.9.9
t ip netns exec a ping -c 1 -W 0.2 -I w0 192.168.9.9
sys a net.ipv4.conf.all.rp_filter=2
t ip netns exec a ping -c 1 192.168.9.9
sys a net.ipv4.conf.all.rp_filter=0
say by metric, and what is left when the better way goes
ip -n a route del 192.168.9.9
ip -n a route add 192.168.9.9 via 10.0.0.254 metric 10
ip -n a route add 192.168.9.9 via 10.1.0.254 metric 20
t ip -n a route get 192.168.9.9
ip -n a link set v0 down
t ip -n a route get 192.168.9.9
t ip netns exec a ping -c 1 192.168.9.9
ip -n a link set v0 up
sleep 1.2
t ip -n a route get 192.168.9.9
t ip -n a route
say without carrier a route stays, and is passed over if so wished
ip -n a route add 192.168.9.9 via 10.0.0.254 metric 10
ip -n r link set r0 down
sleep 1.2
t ip -n a route get 192.168.9.9
sys a net.ipv4.conf.v0.ignore_routes_with_linkdown=1
t ip -n a route get 192.168.9.9
t ip -n a route show 192.168.9.9
