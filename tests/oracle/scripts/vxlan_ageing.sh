# learnt entries grow old, and frames from there keep them young
# area: tunnel
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
i=0
for h in a b; do
    i=$((i + 1)); o=$((3 - i))
    [ $h = a ] && q=b || q=a
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$q nud permanent dev e0
    ip -n $h link add vx address 66:00:00:00:00:0$h type vxlan id 7 remote 10.0.0.$o dev e0 dstport 4789 ageing 4
    ip -n $h addr add 10.9.0.$i/24 dev vx
    ip -n $h neigh add 10.9.0.$o lladdr 66:00:00:00:00:0$q nud permanent dev vx
done
for h in a b; do ip -n $h link set vx up; done
sleep 7
t ip netns exec a bridge fdb show dev vx
t ip netns exec a ping -c 1 10.9.0.2
t ip netns exec a bridge fdb add 66:00:00:00:00:77 dev vx dst 10.0.0.2 dynamic
t ip netns exec a bridge fdb add 66:00:00:00:00:78 dev vx dst 10.0.0.2 dynamic extern_learn
t ip netns exec a bridge fdb show dev vx
sleep 1.5
t ip netns exec a bridge fdb show dev vx
sleep 1
t ip netns exec a ping -c 1 10.9.0.2
sleep 2.5
say the ping kept one, the other is gone
t ip netns exec a bridge fdb show dev vx
sleep 3
t ip netns exec a bridge fdb show dev vx
t "ip netns exec a bridge -s fdb show dev vx | grep -v 00:00:00:00:00:00"
