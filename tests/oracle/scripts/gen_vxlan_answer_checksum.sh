# generated: a collect-metadata device answers ARP with a UDP checksum if the request had one
# area: tunnel
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
    ip -n $h addr add 10.9.0.$i/32 dev vx
    ip -n $h route add 10.9.0.$o encap ip id 42 dst 10.0.0.$o dev vx
done
look() {
    dump with b -i e0 -n -t "'udp[6:2] != 0'"
    dump without b -i e0 -n -t "'udp[6:2] = 0'"
    t ip netns exec a ping -c 1 -W 0.3 10.9.0.2
    enddump
}
look
say with a checksum
t ip -n a neigh flush dev vx
t ip -n a route replace 10.9.0.2 encap ip id 42 dst 10.0.0.2 csum dev vx
look
