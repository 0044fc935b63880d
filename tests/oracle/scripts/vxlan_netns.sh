# a VXLAN device that moves keeps its socket and its outer packets where it was made, and goes with that namespace
# area: tunnel
ns a b pa pb
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
i=0
for h in a b; do
    i=$((i + 1)); o=$((3 - i))
    [ $h = a ] && q=b || q=a
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$q nud permanent dev e0
    ip -n $h link add vx address 66:00:00:00:00:0$h type vxlan id 7 remote 10.0.0.$o dev e0 dstport 4789
    ip -n $h link set vx netns p$h
    ip -n p$h link set vx up
    ip -n p$h addr add 10.9.0.$i/24 dev vx
done
t ip -n pa link show vx
t ip -n pa -d link show vx
t ip netns exec pa bridge fdb show dev vx
dump wire a -i e0 -n -t
t ip netns exec pa ping -c 1 10.9.0.2
enddump
t ip netns exec pa bridge fdb show dev vx
say made elsewhere at once
t ip -n a link add vy address 66:00:00:00:01:0a netns pa type vxlan id 8 local 10.0.0.1 dev e0 dstport 4789
t ip -n pa -d link show vy
t ip -n a link add vz address 66:00:00:00:02:0a type vxlan id 8 dstport 4789
t ip -n pa link add vz address 66:00:00:00:02:0a type vxlan id 8 dstport 4789
t ip -n pa link del vz
say ports are those of the namespace
t ip -n a link add vz address 66:00:00:00:02:0a type vxlan external dstport 4789
t ip -n a link set vz up
t ip -n pa link set vx down
t ip -n a link set vz up
t ip -n pa link set vx up
t ip -n a link del vz
t ip -n pa link set vx up
say the lower device goes
t ip -n a link del e0
t ip -n pa link show
t ip -n b link show
