# rp_filter and two ways: a request comes by one, the route back is the other
# area: forward
ns a r
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair a v1 02:00:00:00:00:0b r r1 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.1.0.1/24 dev v1
ip -n r addr add 10.0.0.2/24 dev r0
ip -n r addr add 10.1.0.2/24 dev r1
ip -n a addr add 192.168.1.1/32 dev lo
ip -n r addr add 192.168.2.2/32 dev lo
ip -n a route add 192.168.2.2 via 10.0.0.2
ip -n r route add 192.168.1.1 via 10.1.0.1
for d in "a v0" "a v1" "r r0" "r r1"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
ip netns exec a ping -q -c 1 10.0.0.2 >/dev/null
ip netns exec a ping -q -c 1 10.1.0.2 >/dev/null
go() {
    say $1: rp_filter all=$2 r0=$3 on the answering side, v1=$4 on the asking one
    sys r net.ipv4.conf.all.rp_filter=$2 net.ipv4.conf.r0.rp_filter=$3
    sys a net.ipv4.conf.v1.rp_filter=$4
    dump r r -i any -n -t icmp
    t ip netns exec a ping -c 1 -W 0.1 -I 192.168.1.1 192.168.2.2
    enddump
}
go off 0 0 0
go strict 0 1 0
go strict-by-all 1 0 0
go loose 0 2 0
go loose-beats-strict 1 2 0
go strict-at-home 0 0 1
go loose-at-home 0 0 2
say a second route back by the same way helps a strict filter only if it is the better one
ip -n r route add 192.168.1.1 via 10.0.0.1 metric 5
go strict 0 1 0
ip -n r route del 192.168.1.1 via 10.1.0.1
go strict 0 1 0
say both legs of one route
ip -n r route del 192.168.1.1
ip -n r route add 192.168.1.1 nexthop via 10.0.0.1 nexthop via 10.1.0.1
t ip -n r route get 192.168.2.2 from 192.168.1.1 iif r0
t ip -n r route get 192.168.2.2 from 192.168.1.1 iif r1
say the way back is down
ip -n r route del 192.168.1.1
ip -n r route add 192.168.1.1 via 10.1.0.1
ip -n r link set r1 down
for m in 0 1 2; do
    sys r net.ipv4.conf.r0.rp_filter=$m
    t ip -n r route get 192.168.2.2 from 192.168.1.1 iif r0
done
