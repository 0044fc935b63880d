# ip route show cache: exceptions are listed once a packet, or route get, has gone their way
# area: route
# compare: set cache — a hash with a random key decides the order at one route
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n b addr add 10.1.0.3/24 dev v1
ip -n b addr add 10.3.0.1/24 dev lo
ip -n a route add 10.1.0.0/16 via 10.0.0.254 mtu 1480
ip -n a route add 10.3.0.0/16 via 10.0.0.254 table 100
ip -n a rule add to 10.3.0.0/16 table 100
ip -n b route add default via 10.1.0.254
ip -n r route add 10.3.0.0/16 via 10.1.0.2
sys r net.ipv4.ip_forward=1
sys a net.ipv4.conf.all.accept_redirects=1 net.ipv4.conf.v0.accept_redirects=1
ip -n r link set r1 mtu 1400
ip -n b link set v1 mtu 1400
t ip -n a route show cache
for d in 10.1.0.3 10.1.0.2 10.3.0.1; do
    ip netns exec a ping -c 1 -W 0.3 -s 1400 -M do $d >/dev/null
    say "$d: one packet was too large"
    t ip -n a route show cache
    t ip -n a route get $d
    t ip -n a route show cache
done
t ip -n a route show table all cache
t ip -n a route show cache 10.1.0.2
t ip -n a route show cache 10.1.0.0/16
t ip -n a route show cache dev v0
t ip -n a route show cache dev lo
t ip -n a route show cache via 10.0.0.254
t ip -n a -d route show cache
t ip -n a -j route show cache 10.1.0.2
t ip -n a route
say a redirect
ip -n r neigh add 10.0.0.253 lladdr 02:00:00:00:00:0c dev r0
ip -n a neigh add 10.0.0.253 lladdr 02:00:00:00:00:0c dev v0
ip -n r route add 10.1.0.3/32 via 10.0.0.253
sleep 1.2
ip netns exec a ping -c 1 -W 0.3 10.1.0.3 >/dev/null
t ip -n a route show cache
ip -n r route del 10.1.0.3/32
say flush
t ip -n a route flush cache
t ip -n a route show cache
t ip -n a route get 10.1.0.3
