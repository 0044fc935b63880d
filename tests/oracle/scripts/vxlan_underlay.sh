# an underlay that is too small: the outer packet is cut, or with DF lost, and nobody is told (F93)
# area: tunnel
ns node1 node2 pod1 pod2
pair node1 eth0 42:01:0a:00:00:17 node2 eth0 42:01:0a:00:00:18
pair node1 cali1 ee:00:00:00:00:01 pod1 eth0 02:00:00:00:00:01
pair node2 cali2 ee:00:00:00:00:02 pod2 eth0 02:00:00:00:00:02
under() { for i in 1 2; do ip -n node$i link set eth0 mtu $1; done; }
for i in 1 2; do
    o=$((3 - i))
    sys node$i net.ipv4.ip_forward=1
    ip -n node$i addr add 10.0.0.2$((i + 2))/24 dev eth0
    ip -n node$i neigh add 10.0.0.2$((o + 2)) lladdr 42:01:0a:00:00:1$((o + 6)) nud permanent dev eth0
    ip -n node$i addr add 192.168.$i.1/24 dev cali$i
    ip -n pod$i addr add 192.168.$i.12/24 dev eth0
    ip -n pod$i link set eth0 mtu 1450
    ip -n node$i link set cali$i mtu 1450
    ip -n pod$i route add default via 192.168.$i.1
    ip -n pod$i neigh add 192.168.$i.1 lladdr ee:00:00:00:00:0$i nud permanent dev eth0
    ip -n node$i neigh add 192.168.$i.12 lladdr 02:00:00:00:00:0$i nud permanent dev cali$i
done
make() { # OPTIONS
    local i o
    under 1500
    for i in 1 2; do
        o=$((3 - i))
        ip -n node$i link del vx 2>/dev/null
        ip -n node$i link add vx address 66:00:00:00:00:0$i type vxlan id 4096 local 10.0.0.2$((i + 2)) dev eth0 dstport 4789 nolearning $@
        ip -n node$i link set vx up
        ip -n node$i addr add 10.9.0.$i/32 dev vx
        ip -n node$i neigh add 10.9.0.$o lladdr 66:00:00:00:00:0$o nud permanent dev vx
        ip netns exec node$i bridge fdb add 66:00:00:00:00:0$o dev vx dst 10.0.0.2$((o + 2))
        ip -n node$i route add 192.168.$o.0/24 via 10.9.0.$o dev vx onlink
    done
    under 1460
}
big() { t ip netns exec pod1 ping -c 1 -W 0.5 "$@" 192.168.2.12; }
for o in "df unset" "df set" "df inherit"; do
    say $o
    make $o
    big -s 1422 -M do
    t ip -n node1 route show cache root 192.168.0.0/16
    big -s 1422 -M dont
    big -s 1382 -M do
    t ip -n node1 route show cache root 192.168.0.0/16
    t "ip -n node1 -s link show vx | grep -A1 X:"
    t ip -n node1 route flush cache
    t ip -n node2 route flush cache
done
say a packet of the node itself
make df unset
t ip netns exec node1 ping -c 1 -W 0.5 -s 1422 -M do 192.168.2.12
t ip netns exec node1 ping -c 1 -W 0.5 -s 1422 -M do 192.168.2.12
t ip netns exec node1 ping -c 1 -W 0.5 -s 1422 -M dont 192.168.2.12
t ip -n node1 route show cache root 192.168.0.0/16
