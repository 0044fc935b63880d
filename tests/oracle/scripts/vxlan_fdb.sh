# bridge fdb on a VXLAN device: add, append, replace, del, get, flush, and the order of the list
# area: tunnel
# not modelled: nhid — next hop objects
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0
ip -n a link add vx address 02:00:00:00:01:01 type vxlan id 42 dev e0 dstport 4789 local 10.0.0.1 nolearning
M=02:00:00:00:00:05
Z=00:00:00:00:00:00
f() { t ip netns exec a bridge fdb "$@"; }
see() { f show dev vx; }
see
f add $M dev vx dst 10.0.0.2
f add $M dev vx dst 10.0.0.3
f append $M dev vx dst 10.0.0.3
see
f replace $M dev vx dst 10.0.0.3 port 99 vni 77 via e0 static
see
f add $Z dev vx dst 10.0.0.7
f append $Z dev vx dst 10.0.0.8
f append $Z dev vx dst 10.0.0.9 dynamic
f append $Z dev vx dst 10.0.0.9
see
f replace $Z dev vx dst 10.0.0.8
f replace 01:00:5e:00:00:05 dev vx dst 10.0.0.8
f append 01:00:5e:00:00:05 dev vx dst 10.0.0.8
f append 01:00:5e:00:00:05 dev vx dst 10.0.0.9
f add 02:00:00:00:00:06 dev vx
f add 02:00:00:00:00:06 dev vx self dynamic dst 10.0.0.5
f add 02:00:00:00:00:07 dev vx self dynamic dst 10.0.0.5 extern_learn router sticky
f add 02:00:00:00:00:08 dev vx self dynamic dst 10.0.0.5 src_vni 3
f add 02:00:00:00:00:09 dev vx self master dst 10.0.0.5
see
t "ip netns exec a bridge fdb show | grep vx"
t "ip netns exec a bridge -s fdb show dev vx"
t "ip netns exec a bridge -j fdb show dev vx"
f show dev vx dynamic
f show dev vx state static
say words
f add $M dev vx dst fe80::1
f add $M dev vx dst 10.0.0.300
f add $M dev vx dst 10.0.0.3 dst 10.0.0.3
f add $M dev vx dst 10.0.0.3 port foo
f add $M dev vx dst 10.0.0.3 port 77777
f add $M dev vx dst 10.0.0.3 vni 77777777777
f add $M dev vx dst 10.0.0.3 via e7
f add $M dev vx dst 10.0.0.3 nhid 3
f add 02:00:00:00:00:0c dev vx dst 10.0.0.3 port ntp
see
f add 02:00:00:00:00:0d dev e0 dst 10.0.0.3
say one entry
f get $M dev vx self
f get 02:00:00:00:00:66 dev vx self
f get $M dev vx
f get $Z dev vx self
say deletion
f del $Z dev vx dst 10.0.0.88
f del $Z dev vx dst 10.0.0.8
f del $M dev vx dst 10.0.0.3
f del $M dev vx
f del $M dev vx
see
f flush dev vx nopermanent
see
f flush dev vx permanent
see
f add $M dev vx dst 10.0.0.2
f add 02:00:00:00:00:06 dev vx self dynamic dst 10.0.0.5
f flush dev vx sticky
f flush dev vx added_by_user
f flush dev vx self
see
say up and down
f add 02:00:00:00:00:06 dev vx self dynamic dst 10.0.0.5
f add 02:00:00:00:00:07 dev vx self static dst 10.0.0.5
f add $Z dev vx dst 10.0.0.7
t ip -n a link set vx up
see
t ip -n a link set vx down
see
say a limit
t ip -n a link add vm address 02:00:00:00:01:02 type vxlan id 43 dstport 4789 maxaddress 1
f add $M dev vm dst 10.0.0.2
f add 02:00:00:00:00:06 dev vm dst 10.0.0.2
f show dev vm
