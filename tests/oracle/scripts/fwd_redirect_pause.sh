# redirects to one host: the pause doubles (20 ms << n); silence resets it
# area: forward
ns a r
pair a v0 02:00:00:00:00:0a r v0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev v0
ip -n r neigh add 10.0.0.253 lladdr 02:00:00:00:00:0c dev v0
ip -n a route add default via 10.0.0.254
ip -n r route add 10.5.0.0/16 via 10.0.0.253
sys r net.ipv4.ip_forward=1
sys a net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.v0.accept_redirects=0
t "ip netns exec a ping -n -c 25 -i 0.07 -W 0.5 10.5.0.1 | grep Redirect"
sleep 20.5
t "ip netns exec a ping -n -c 5 -i 0.07 -W 0.5 10.5.0.1 | grep Redirect"
