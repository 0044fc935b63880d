# ICMP redirects: sent by the router, taken or not (F73, F74)
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
dump a a -i v0 -n -t icmp
t ip netns exec a ping -c 3 -i 0.5 -W 0.5 10.5.0.1
enddump
t ip -n a route get 10.5.0.1
say redirects accepted
sys a net.ipv4.conf.all.accept_redirects=1 net.ipv4.conf.v0.accept_redirects=1
sleep 2.2
dump a a -i v0 -n -t -e icmp
t ip netns exec a ping -c 3 -i 0.4 -W 0.5 10.5.0.1
enddump
t ip -n a route get 10.5.0.1
t ip -n a route show cache
say send_redirects=0
ip -n a route flush cache
sys r net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.v0.send_redirects=0
dump a a -i v0 -n -t icmp
t ip netns exec a ping -c 1 -W 0.5 10.5.0.1
enddump
say ping without -n and -v: how a redirect is shown
sys r net.ipv4.conf.all.send_redirects=1
sys a net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.v0.accept_redirects=0
sleep 2.2
t ip netns exec a ping -v -c 1 -W 0.5 10.5.0.1
