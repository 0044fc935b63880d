# path MTU through a tunnel: who says it, what it quotes, and errors that come back through the tunnel
# area: icmp
ns a r1 r2 b
pair a e0 02:00:00:00:00:0a r1 p0 02:00:00:00:01:00
pair r1 u0 02:00:00:00:01:01 r2 u0 02:00:00:00:02:00
pair r2 p0 02:00:00:00:02:01 b e0 02:00:00:00:00:0b
for n in 1 2; do
    o=$((3 - n))
    ip -n r$n addr add 192.168.0.$n/24 dev u0
    ip -n r$n link add vx address 02:00:00:00:00:f$n type vxlan id 7 dstport 4789 local 192.168.0.$n dev u0 nolearning
    ip -n r$n link set vx mtu 1450 up
    ip -n r$n addr add 10.0.$n.0/32 dev vx
    ip -n r$n addr add 10.0.$n.1/24 dev p0
    ip -n r$n neigh add 10.0.$o.0 lladdr 02:00:00:00:00:f$o dev vx nud permanent
    ip netns exec r$n bridge fdb append 02:00:00:00:00:f$o dev vx dst 192.168.0.$o
    ip -n r$n route add 10.0.$o.0/24 via 10.0.$o.0 dev vx onlink
    sys r$n net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
done
ip -n a addr add 10.0.1.2/24 dev e0
ip -n b addr add 10.0.2.2/24 dev e0
ip -n a route add default via 10.0.1.1
ip -n b route add default via 10.0.2.1
sys b net.ipv4.icmp_ratelimit=0
for d in "a e0" "r1 p0" "r1 u0" "r2 u0" "r2 p0" "b e0"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.0.2.2; }
p
say the device of the tunnel
dump a a -i e0 -n -t -v
p -M do -s 1472
enddump
p -M do -s 1472
p -M do -s 1422
t ip -n a route get 10.0.2.2
dump r1 r1 -i u0 -n -t
p -M dont -s 1472
p -M want -s 1472
enddump
t ip -n a route flush cache
t ip netns exec a tracepath -n 10.0.2.2
t ip -n a route flush cache
say the other node, through the tunnel
ip -n r2 link set p0 mtu 1300
ip -n b link set e0 mtu 1300
dump r1 r1 -i u0 -n -t
p -M do -s 1400
enddump
t ip -n a route get 10.0.2.2
t ip -n a route flush cache
t ip netns exec a tracepath -n 10.0.2.2
t ip -n a route flush cache
say a router of the way between the nodes: the outer packet is cut
ip -n r1 link set u0 mtu 1400
ip -n r2 link set u0 mtu 1400
ip -n r2 link set p0 mtu 1500
ip -n b link set e0 mtu 1500
dump r1 r1 -i u0 -n -t
p -M do -s 1422
enddump
t ip -n r1 route get 10.0.2.2 from 10.0.1.2 iif p0
t ip -n r1 route get 10.0.2.2
t ip netns exec r1 ping -c 1 -W 0.3 -M do -s 1422 10.0.2.2
p -M do -s 1422
