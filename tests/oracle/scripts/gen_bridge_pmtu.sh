# generated: what a bridge itself sends by a tunnel that is too small below keeps its route: that learns; the error that it makes is thrown away
# area: tunnel
ns a b c
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
pair a p1 02:00:00:00:01:01 c v0 02:00:00:00:00:0c
i=0
for h in a b; do
    i=$((i + 1)); o=$((3 - i))
    [ $h = a ] && p=b || p=a
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$p nud permanent dev e0
    ip -n $h link add br0 address 02:00:00:00:00:b$i type bridge mcast_snooping 0
    ip -n $h link add vx address 66:00:00:00:00:0$h type vxlan id 7 local 10.0.0.$i remote 10.0.0.$o dev e0 dstport 4789
    ip -n $h link set vx mtu 1500 2>/dev/null
    ip -n $h link set vx master br0
    ip -n $h link set vx up
    ip -n $h link set br0 up
    ip -n $h addr add 10.9.0.$i/24 dev br0
    ip -n $h neigh add 10.9.0.$o lladdr 02:00:00:00:00:b$o nud permanent dev br0
done
ip -n a link set p1 master br0
for n in a b; do ip -n $n link set e0 mtu 1000; done
sleep 1.2
big() { t ip netns exec a ping -c 1 -W 0.3 -s 1200 "$@" 10.9.0.2; t ip -n a route show cache; }
say the station is known
t ip netns exec b ping -c 1 -W 0.3 10.9.0.1
big
big
big -M do
say the other way
t ip netns exec b ping -c 1 -W 0.3 -s 1200 10.9.0.1
t ip netns exec b ping -c 1 -W 0.3 -s 1200 10.9.0.1
t ip netns exec b ping -c 1 -W 0.3 -s 1200 10.9.0.1
t ip -n b route show cache
