# rp_filter 0, 1, 2 and martian sources at a router
# area: forward
# not modelled: nstat — the counters of the kernel
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
sys a net.ipv4.neigh.v0.delay_first_probe_time=60
sys r net.ipv4.neigh.r0.delay_first_probe_time=60 net.ipv4.neigh.r1.delay_first_probe_time=60
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
ip netns exec a ping -c 1 10.1.0.2 >/dev/null
sys b net.ipv4.icmp_echo_ignore_all=1
for s in 1.2.3.4 10.1.0.77 10.0.0.254 10.0.0.66 172.16.0.1 240.0.0.5 169.254.3.3; do ip -n a addr add $s/32 dev lo; done
ip -n r route add 172.16.0.0/16 dev r1
go() {
    for m in 0 1 2; do
        sys r net.ipv4.conf.r0.rp_filter=$m
        dump r1 r -i r1 -n -t icmp[icmptype]=8
        for s in 10.0.0.1 10.0.0.66 1.2.3.4 10.1.0.77 172.16.0.1 10.0.0.254 240.0.0.5 169.254.3.3; do
            ip netns exec a ping -c 1 -W 0.05 -s 8 -I $s 10.1.0.2 >/dev/null 2>&1
        done
        enddump
        say rp_filter=$m done
    done
}
say no default route on the router
go
say with a default route by r1
ip -n r route add default via 10.1.0.2
go
t ip -n r route get 10.1.0.2 from 1.2.3.4 iif r0
sys r net.ipv4.conf.r0.rp_filter=1
t ip -n r route get 10.1.0.2 from 1.2.3.4 iif r0
t ip -n r route get 10.1.0.2 from 10.0.0.66 iif r0
sys r net.ipv4.conf.r0.rp_filter=2
t ip -n r route get 10.1.0.2 from 1.2.3.4 iif r0
say the larger of all and r0 counts
sys r net.ipv4.conf.r0.rp_filter=0 net.ipv4.conf.all.rp_filter=1
t ip -n r route get 10.1.0.2 from 1.2.3.4 iif r0
say loose on an interface without an address
sys r net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.r0.rp_filter=2
ip -n r addr flush dev r0
ip -n r route add 10.0.0.1 dev r0
t ip -n r route get 10.1.0.2 from 1.2.3.4 iif r0
t ip -n r route get 10.1.0.2 from 10.0.0.1 iif r0
ip -n r addr add 169.254.99.1/32 dev r0
t ip -n r route get 10.1.0.2 from 1.2.3.4 iif r0
t "ip netns exec r nstat -az | grep -E 'IPReversePathFilter|IpInAddrErrors|IpForwDatagrams'"
