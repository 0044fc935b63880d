# bridges joined by VXLAN: one segment over two machines, both tables learn, and too long a packet is answered by the tunnel (F93)
# area: tunnel
# frames: set — copies of one frame leave at one instant
ns n1 n2 h1 h2 h3
pair n1 e0 02:00:00:00:00:01 n2 e0 02:00:00:00:00:02
for i in 1 2; do
    o=$((3 - i))
    ip -n n$i addr add 10.0.0.$i/24 dev e0
    ip -n n$i neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$o nud permanent dev e0
    ip -n n$i link add br0 address 02:00:00:00:00:b$i type bridge mcast_snooping 0
    ip -n n$i link set br0 up
    ip -n n$i link add vx address 66:00:00:00:00:0$i type vxlan id 7 local 10.0.0.$i remote 10.0.0.$o dev e0 dstport 4789 ${L:-}
    ip -n n$i link set vx master br0
    ip -n n$i link set vx up
    pair n$i p$i 02:00:00:00:01:0$i h$i v0 02:00:00:00:02:0$i
    ip -n n$i link set p$i master br0
    ip -n h$i addr add 10.9.0.$i/24 dev v0
done
pair n1 p3 02:00:00:00:01:03 h3 v0 02:00:00:00:02:03
ip -n n1 link set p3 master br0
ip -n h3 addr add 10.9.0.3/24 dev v0
fdb() { for n in n1 n2; do t "ip netns exec $n bridge fdb show br br0 | grep -v -e 33:33 -e 01:00:5e"; done; }
t "ip -n n1 -d link show vx | grep -v bridge_slave"
fdb
dump wire n1 -i e0 -n -t -e udp
t ip netns exec h1 ping -c 1 10.9.0.2
t ip netns exec h3 ping -c 1 10.9.0.2
t ip netns exec h3 ping -c 1 10.9.0.1
enddump
fdb
for i in 1 2 3; do t "ip -n h$i neigh | sort"; done
say too long for the way below
t ip -n n1 link set vx mtu 1450
for n in n1 n2; do ip -n $n link set e0 mtu 1400; done
big() { t ip netns exec h1 ping -c 1 -W 0.3 "$@" 10.9.0.2; }
big -s 1400 -M do
t ip -n h1 route show cache
big -s 1400 -M do
big -s 1322 -M do
big -s 1400 -M dont
t ip -n h1 route flush cache
t ip -n n1 link set e0 mtu 620
big -s 1000 -M do
t ip -n n1 -s link show vx
