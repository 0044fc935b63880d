# an ICMP message whose outer packet is too long for DF provokes no error: the ICMP socket is busy; a question does (F93)
# area: tunnel
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
i=0
for h in a b; do
    i=$((i + 1)); o=$((3 - i))
    [ $h = a ] && q=b || q=a
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$q nud permanent dev e0
    [ $h = a ] && df=set || df=unset
    ip -n $h link add vx address 66:00:00:00:00:0$h type vxlan id 7 remote 10.0.0.$o dstport 4789 df $df
    ip -n $h link set vx up
    ip -n $h addr add 10.9.0.$i/24 dev vx
    ip -n $h neigh add 10.9.0.$o lladdr 66:00:00:00:00:0$q nud permanent dev vx
done
for h in a b; do ip -n $h link set e0 mtu 1400; done
say the answer is lost in silence, the next one comes in fragments
t ip netns exec b ping -c 1 -W 0.3 -s 1340 10.9.0.1
t ip -n a route get 10.9.0.2
t ip netns exec b ping -c 1 -W 0.3 -s 1340 10.9.0.1
say a question of its own provokes one
t ip -n a addr add 10.9.1.1/24 dev vx
ip -n a neigh add 10.9.1.2 lladdr 66:00:00:00:00:0b nud permanent dev vx
ip -n b addr add 10.9.1.2/24 dev vx
t ip netns exec a ping -c 1 -W 0.3 -s 1340 10.9.1.2
t ip netns exec a ping -c 1 -W 0.3 -s 1340 10.9.1.2
