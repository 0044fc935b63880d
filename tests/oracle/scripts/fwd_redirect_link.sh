# ICMP redirects on one cable: the better gateway is an address without a host (F73, F74)
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
dump a a -i v0 -n -t icmp
t ip netns exec a ping -c 3 -i 0.5 -W 0.5 10.5.0.1
enddump
t ip -n a route get 10.5.0.1
say redirects accepted
sys a net.ipv4.conf.all.accept_redirects=1 net.ipv4.conf.v0.accept_redirects=1
ip -n a neigh add 10.0.0.253 lladdr 02:00:00:00:00:0c dev v0
sleep 2.2
dump a a -i v0 -n -t -e icmp
t ip netns exec a ping -c 3 -i 0.4 -W 0.5 10.5.0.1
enddump
t ip -n a route get 10.5.0.1
t ip -n a route show cache
say the gateway is no neighbour: not taken
ip -n a route flush cache
ip -n r route add 10.6.0.0/16 via 10.9.9.9 dev v0 onlink
ip -n r neigh add 10.9.9.9 lladdr 02:00:00:00:00:09 dev v0
sleep 2.2
t ip netns exec a ping -c 2 -i 0.4 -W 0.5 10.6.0.1
t ip -n a route get 10.6.0.1
sleep 2.2
say send_redirects=0
sys r net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.v0.send_redirects=0
dump a a -i v0 -n -t icmp
t ip netns exec a ping -c 1 -W 0.5 10.5.0.1
enddump
say ping -v: how a redirect is shown
sys r net.ipv4.conf.all.send_redirects=1
sys a net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.v0.accept_redirects=0
sleep 2.2
t ip netns exec a ping -v -c 1 -W 0.5 10.5.0.1
