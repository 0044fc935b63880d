# rp_filter and policy: rules by source, by device and by mark, src_valid_mark, devices without an address
# area: forward
ns r a b
pair r r0 02:00:00:00:00:1a a v0 02:00:00:00:00:0a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
sys r net.ipv4.ip_forward=1 net.ipv4.conf.r0.rp_filter=1
sleep 1.2
ask() { t ip -n r route get 10.1.0.2 from 192.0.2.1 iif r0 "$@"; }
ask
say a table for it, found by a rule for what goes there
ip -n r route add 192.0.2.0/24 via 10.0.0.1 table 7
ask
ip -n r rule add to 192.0.2.0/24 table 7 prio 10
ask
ip -n r rule del prio 10
say by the device out of which the answer would go
ip -n r rule add oif r0 table 7 prio 10
ask
ip -n r rule del prio 10
say by the device that the answer would come from
ip -n r rule add iif r0 table 7 prio 10
ask
ip -n r rule del prio 10
ip -n r rule add iif lo table 7 prio 10
ask
ip -n r rule del prio 10
say by a mark
ip -n r rule add fwmark 1 table 7 prio 10
ask mark 1
sys r net.ipv4.conf.r0.src_valid_mark=1
ask mark 1
ask
sys r net.ipv4.conf.r0.src_valid_mark=0 net.ipv4.conf.all.src_valid_mark=1
ask mark 1
ip -n r rule del prio 10
say a rule that forbids the source
ip -n r rule add to 192.0.2.0/24 prohibit prio 10
for m in 0 1 2; do sys r net.ipv4.conf.r0.rp_filter=$m; ask; done
ip -n r rule del prio 10
say a device without an address
ip -n r addr flush dev r0
for m in 0 1 2; do
    sys r net.ipv4.conf.r0.rp_filter=$m
    ask
    t ip -n r route get 10.1.0.2 from 10.0.0.1 iif r0
done
ip -n r route add 10.0.0.1 dev r0
for m in 0 1 2; do
    sys r net.ipv4.conf.r0.rp_filter=$m
    ask
    t ip -n r route get 10.1.0.2 from 10.0.0.1 iif r0
    t ip -n r route get 10.1.0.2 from 10.0.0.2 iif r0
done
