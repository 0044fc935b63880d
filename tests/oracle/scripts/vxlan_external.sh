# collect-metadata devices: routes with encap say where to, ARP takes the same way, and without them nothing leaves
# area: tunnel
# not modelled: encap mpls — labels
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
i=0
for h in a b; do
    i=$((i + 1)); o=$((3 - i))
    [ $h = a ] && p=b || p=a
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$p nud permanent dev e0
    ip -n $h link add vx address 66:00:00:00:00:0$h type vxlan external dstport 4789
    ip -n $h link set vx up
    ip -n $h addr add 10.9.$i.1/32 dev vx
done
r() { t ip -n a route "$@"; }
say texts
r add 10.1.0.0/16 encap ip id 42 dst 10.0.0.2 dev vx
r add 10.2.0.0/16 encap ip id 42 dst 10.0.0.2 src 10.0.0.1 ttl 9 tos 4 key csum via 10.9.0.7 dev vx onlink metric 5
r add 10.3.0.0/16 dev vx encap ip id 0x7 dst 10.0.0.2 csum
r add 10.4.0.0/16 dev vx encap ip dst 10.0.0.2
r add 10.5.0.0/16 encap ip id 42 dst 10.0.0.2
r add 10.6.0.0/16 encap ip
r add 10.6.0.0/16 encap
r add 10.6.0.0/16 encap foo bar
r add 10.6.0.0/16 encap mpls 10 dev vx
r add 10.6.0.0/16 encap ip id x dev vx
r add 10.6.0.0/16 encap ip id 1 id 2 dev vx
r add 10.6.0.0/16 encap ip id 1 dst x dev vx
r add 10.6.0.0/16 encap ip id 1 dst 10.0.0.3 ttl 256 dev vx
r add 10.6.0.0/16 encap ip id 1 dst 10.0.0.3 tos x dev vx
r add 10.6.0.0/16 encap ip id 1 dst fe80::1 dev vx
r add 10.6.0.0/16 encap ip id 1 key key dev vx
r add 10.6.0.0/16 encap ip id 1 seq dev vx
r add 10.7.0.0/16 nexthop encap ip id 1 dst 10.0.0.2 dev vx weight 2 nexthop via 10.0.0.9 dev e0
r add 10.8.0.0/16 encap ip id 5 dst 10.0.0.2 via 10.0.0.2
r add blackhole 10.9.9.0/24 encap ip id 5 dst 10.0.0.2
r
t ip -n a -d route
t ip -n a -j route
r get 10.1.0.1
r del 10.1.0.0/16 encap ip id 43 dst 10.0.0.2 dev vx
r del 10.1.0.0/16 encap ip id 42 dst 10.0.0.2 dev vx
r replace 10.3.0.0/16 dev vx encap ip id 0x8 dst 10.0.0.2
r add 10.3.0.0/16 dev vx encap ip id 0x9 dst 10.0.0.2
r append 10.3.0.0/16 dev vx encap ip id 0x9 dst 10.0.0.2
r append 10.3.0.0/16 dev vx encap ip id 0x9 dst 10.0.0.2
r
say the way
ip -n a route flush proto boot
ip -n a route add 10.9.2.1 encap ip id 42 dst 10.0.0.2 dev vx
dump wire a -i e0 -n -t -v
dump tunnel b -i vx -n -t -e
t ip netns exec a ping -c 1 -W 0.3 10.9.2.1
ip -n b route add 10.9.1.1 encap ip id 43 dst 10.0.0.1 ttl 7 tos 8 csum dev vx
t ip netns exec a ping -c 1 -W 0.3 10.9.2.1
enddump
t "ip -n a neigh show dev vx"
t "ip -n b neigh show dev vx"
t "ip -n a -s link show vx | grep -A1 X:"
t "ip -n b -s link show vx | grep -A1 X:"
t ip netns exec a bridge fdb show dev vx
t ip netns exec b bridge fdb show dev vx
say a route without encap
ip -n a route replace 10.9.2.1 dev vx
t ip netns exec a ping -c 1 -W 0.3 10.9.2.1
t "ip -n a -s link show vx | grep -A1 X:"
say entries of such a device
t ip netns exec a bridge fdb add 66:00:00:00:00:0b dev vx dst 10.0.0.2 src_vni 42 vni 42
t ip netns exec a bridge fdb add 66:00:00:00:00:0b dev vx dst 10.0.0.3 src_vni 43
t ip netns exec a bridge fdb show dev vx
t ip netns exec a bridge fdb get 66:00:00:00:00:0b dev vx self vni 42
t ip netns exec a bridge fdb get 66:00:00:00:00:0b dev vx self
t ip netns exec a bridge fdb del 66:00:00:00:00:0b dev vx src_vni 43
t ip netns exec a bridge fdb show dev vx
