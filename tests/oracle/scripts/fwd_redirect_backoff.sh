# redirects to one host: the pause doubles, at most 9 (20 ms << n), 20 s silence resets
# area: forward
ns a r g sw
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge stp_state 0 mcast_snooping 0
ip -n sw link set br0 up
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair r v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
pair g v0 02:00:00:00:00:0c sw p2 02:00:00:00:01:02
for p in p0 p1 p2; do ip -n sw link set $p master br0; done
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev v0
ip -n g addr add 10.0.0.253/24 dev v0
ip -n g addr add 10.5.0.1/24 dev lo
ip -n a route add default via 10.0.0.254
ip -n r route add 10.5.0.0/16 via 10.0.0.253
sys r net.ipv4.ip_forward=1
sys a net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.v0.accept_redirects=0
t "ip netns exec a ping -n -c 25 -i 0.07 -W 0.5 10.5.0.1 | grep Redirect"
