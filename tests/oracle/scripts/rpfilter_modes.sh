# rp_filter: every mode of all and of the device, for good, asymmetric, unroutable and own sources
# area: forward
ns r a b
pair r r0 02:00:00:00:00:1a a v0 02:00:00:00:00:0a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n r route add 172.16.0.0/16 via 10.1.0.2
ip -n r route add 172.17.0.0/16 via 10.0.0.2
ip -n r route add blackhole 172.18.0.0/16
ip -n r route add unreachable 172.19.0.0/16
ip -n r route add prohibit 172.20.0.0/16
ip -n r route add throw 172.21.0.0/16
sys r net.ipv4.ip_forward=1
sleep 1.2
ask() { t ip -n r route get $1 from $2 iif r0; }
S="10.0.0.1 172.17.0.1 10.1.0.7 172.16.0.1 192.0.2.1 172.18.0.1 172.19.0.1 172.20.0.1 172.21.0.1 10.0.0.254 0.0.0.0"
for all in 0 1 2; do
    for dev in 0 1 2; do
        sys r net.ipv4.conf.all.rp_filter=$all net.ipv4.conf.r0.rp_filter=$dev
        say all=$all r0=$dev
        for s in $S; do ask 10.1.0.2 $s; done
    done
done
