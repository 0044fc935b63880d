# what is lost without a word: no entry, no neighbour, another MAC, another VNI, a down device; and a closed port that is told (F95, F96)
# area: tunnel
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
i=0
for h in a b; do
    i=$((i + 1)); o=$((3 - i))
    [ $h = a ] && p=b || p=a
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$p nud permanent dev e0
    ip -n $h link add vx address 66:00:00:00:00:0$h type vxlan id 7 local 10.0.0.$i dev e0 dstport 4789 nolearning
    ip -n $h link set vx up
    ip -n $h addr add 10.9.0.$i/24 dev vx
    ip -n $h neigh add 10.9.0.$o lladdr 66:00:00:00:00:0$p nud permanent dev vx
    ip netns exec $h bridge fdb add 66:00:00:00:00:0$p dev vx dst 10.0.0.$o
done
one() { t ip netns exec a ping -c 1 -W 0.3 10.9.0.2; }
count() { for h in a b; do t "ip -n $h -s link show vx | grep -A1 X:"; done; }
one
count
say no entry for the address
t ip netns exec a bridge fdb del 66:00:00:00:00:0b dev vx
one
count
t ip netns exec a bridge fdb add 66:00:00:00:00:0b dev vx dst 10.0.0.2
say no neighbour
t ip -n a neigh del 10.9.0.2 dev vx
t ip netns exec a ping -c 1 -W 4 10.9.0.2
count
say another address
t ip -n a neigh replace 10.9.0.2 lladdr 66:00:00:00:00:99 nud permanent dev vx
t ip netns exec a bridge fdb add 66:00:00:00:00:99 dev vx dst 10.0.0.2
one
count
t ip -n a neigh replace 10.9.0.2 lladdr 66:00:00:00:00:0b nud permanent dev vx
say another VNI, another port, locally
t ip netns exec a bridge fdb replace 66:00:00:00:00:0b dev vx dst 10.0.0.2 vni 8
one
t ip netns exec a bridge fdb replace 66:00:00:00:00:0b dev vx dst 10.0.0.2 port 4790
one
t ip netns exec a bridge fdb replace 66:00:00:00:00:0b dev vx dst 0.0.0.0
one
count
t ip netns exec a bridge fdb replace 66:00:00:00:00:0b dev vx dst 10.0.0.2
say the own address of the other end
t ip -n b link set vx address 66:00:00:00:00:0a
one
t ip -n b link set vx address 66:00:00:00:00:0b
t ip -n b neigh replace 10.9.0.1 lladdr 66:00:00:00:00:0a nud permanent dev vx
say the other end is down, then gone
t ip -n b link set vx down
one
t ip -n b link del vx
one
count
