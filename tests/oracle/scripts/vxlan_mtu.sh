# MTU of a VXLAN device: too long for the pod, for the node, with and without DF, fragments of fragments (F90, F91, F92)
# area: tunnel
ns node1 node2 pod1 pod2
pair node1 eth0 42:01:0a:00:00:17 node2 eth0 42:01:0a:00:00:18
pair node1 cali1 ee:00:00:00:00:01 pod1 eth0 02:00:00:00:00:01
pair node2 cali2 ee:00:00:00:00:02 pod2 eth0 02:00:00:00:00:02
for i in 1 2; do
    o=$((3 - i))
    sys node$i net.ipv4.ip_forward=1
    ip -n node$i addr add 10.0.0.2$((i + 2))/24 dev eth0
    ip -n node$i neigh add 10.0.0.2$((o + 2)) lladdr 42:01:0a:00:00:1$((o + 6)) nud permanent dev eth0
    ip -n node$i addr add 192.168.$i.1/24 dev cali$i
    ip -n pod$i addr add 192.168.$i.12/24 dev eth0
    ip -n pod$i route add default via 192.168.$i.1
    ip -n pod$i neigh add 192.168.$i.1 lladdr ee:00:00:00:00:0$i nud permanent dev eth0
    ip -n node$i neigh add 192.168.$i.12 lladdr 02:00:00:00:00:0$i nud permanent dev cali$i
    ip -n node$i link add vx address 66:00:00:00:00:0$i type vxlan id 4096 local 10.0.0.2$((i + 2)) dev eth0 dstport 4789 nolearning
    ip -n node$i link set vx up
    ip -n node$i addr add 10.9.0.$i/32 dev vx
    ip -n node$i neigh add 10.9.0.$o lladdr 66:00:00:00:00:0$o nud permanent dev vx
    ip netns exec node$i bridge fdb add 66:00:00:00:00:0$o dev vx dst 10.0.0.2$((o + 2))
    ip -n node$i route add 192.168.$o.0/24 via 10.9.0.$o dev vx onlink
done
big() { t ip netns exec pod1 ping -c 1 -W 0.5 "$@" 192.168.2.12; }
say the pod knows
ip -n pod1 link set eth0 mtu 1450
ip -n node1 link set cali1 mtu 1450
big -s 1422 -M do
big -s 1423 -M do
big -s 2000 -M dont
say the pod does not
ip -n pod1 link set eth0 mtu 1500
ip -n node1 link set cali1 mtu 1500
big -s 1472 -M do
t ip -n pod1 route get 192.168.2.12
t ip -n pod1 route show cache
big -s 1472 -M do
t ip -n pod1 route flush cache
big -s 1472 -M dont
big -s 3000 -M dont
t "ip -n node1 -s link show vx | grep -A1 X:"
t "ip -n node2 -s link show vx | grep -A1 X:"
