# forwarding: TTL, route types, no route, ip_forward=0, seen on both sides
# area: forward
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
for x in a r b; do for y in 10.0.0.1:02:00:00:00:00:0a:r0 10.0.0.254:02:00:00:00:00:1a:v0 10.1.0.254:02:00:00:00:00:1b:v1 10.1.0.2:02:00:00:00:00:0b:r1; do
    ip -n $x neigh add ${y%%:*} lladdr $(echo $y | cut -d: -f2-7) dev ${y##*:} 2>/dev/null
done; done
sys r net.ipv4.ip_forward=0
dump r0 r -i r0 -n -t
dump r1 r -i r1 -n -t
t ip netns exec a ping -c 1 -W 0.3 10.1.0.2
t ip netns exec a ping -c 1 -W 0.3 10.1.0.254
enddump
t ip -n r route get 10.1.0.2 from 10.0.0.1 iif r0
sys r net.ipv4.ip_forward=1
t ip netns exec r sysctl -a -r "'conf.(all|default|r0|r1).forwarding'"
dump r0 r -i r0 -n -t -v
dump r1 r -i r1 -n -t -v
t ip netns exec a ping -c 1 -W 0.3 -s 8 10.1.0.2
t ip netns exec a ping -c 1 -W 0.3 -s 8 -t 1 10.1.0.2
t ip netns exec a ping -c 1 -W 0.3 -s 8 -t 2 10.1.0.2
t ip netns exec a ping -c 1 -W 0.3 -s 8 -t 1 10.1.0.254
enddump
ip -n r route add unreachable 10.6.0.0/16
ip -n r route add prohibit 10.7.0.0/16
ip -n r route add blackhole 10.8.0.0/16
ip -n r route add throw 10.9.0.0/16
dump r0 r -i r0 -n -t
for d in 10.6.0.1 10.7.0.1 10.8.0.1 10.9.0.1 99.9.9.9; do
    sleep 1.1
    ip netns exec a ping -c 1 -W 0.2 $d >/dev/null
done
say TTL 1 and no route: the route error wins
sleep 1.1
ip netns exec a ping -c 1 -W 0.2 -t 1 99.9.9.9 >/dev/null
enddump
say the router itself
for d in 10.6.0.1 10.7.0.1 10.8.0.1 10.9.0.1 99.9.9.9; do
    t ip netns exec r ping -c 1 -W 0.2 $d
done
say forwarding of one interface only
sys r net.ipv4.conf.r0.forwarding=0
t ip netns exec a ping -q -c 1 -W 0.2 10.1.0.2
t ip netns exec b ping -q -c 1 -W 0.2 10.0.0.1
t ip netns exec r sysctl net.ipv4.ip_forward
sys r net.ipv4.conf.r0.forwarding=1 net.ipv4.conf.r1.forwarding=0
t ip netns exec a ping -q -c 1 -W 0.2 10.1.0.2
t ip netns exec b ping -q -c 1 -W 0.2 10.0.0.1
