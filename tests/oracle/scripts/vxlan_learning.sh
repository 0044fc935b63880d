# learning: flooding to the default destinations, the answer teaches, static entries stay, a machine moves, ARP goes over it
# area: tunnel
# frames: set — copies of one frame leave at one instant
ns sw a b c
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0
ip -n sw link set br0 up
i=0
for h in a b c; do
    i=$((i + 1))
    pair $h e0 02:00:00:00:00:0$h sw p$i 02:00:00:00:01:0$i
    ip -n sw link set p$i master br0
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h link add vx address 66:00:00:00:00:0$h type vxlan id 7 local 10.0.0.$i dev e0 dstport 4789
    ip -n $h link set vx up
    ip -n $h addr add 10.9.0.$i/24 dev vx
    for o in 1 2 3; do
        [ $o = $i ] || ip netns exec $h bridge fdb append 00:00:00:00:00:00 dev vx dst 10.0.0.$o
    done
done
know() { ip -n $1 neigh replace 10.0.0.$2 lladdr 02:00:00:00:00:0$3 nud permanent dev e0; }
know a 2 b; know a 3 c; know b 1 a; know b 3 c; know c 1 a; know c 2 b
fdb() { for h in a b c; do t ip netns exec $h bridge fdb show dev vx; done; }
fdb
dump b b -i vx -n -t -e
dump c c -i vx -n -t -e
t ip netns exec a ping -c 2 -i 0.3 10.9.0.2
enddump
fdb
t "ip -n a neigh show dev vx"
t "ip -n b neigh show dev vx"
t "ip -n a -s link show vx | grep -A1 X:"
t "ip -n b -s link show vx | grep -A1 X:"
t "ip -n c -s link show vx | grep -A1 X:"
say a static entry does not move, and frames from elsewhere are dropped
t ip netns exec b bridge fdb replace 66:00:00:00:00:0a dev vx dst 10.0.0.3 static
t ip netns exec a ping -c 1 -W 0.3 10.9.0.2
t ip netns exec b bridge fdb show dev vx
t ip netns exec b bridge fdb del 66:00:00:00:00:0a dev vx
say a learnt one does
t ip -n c link set vx down
t ip -n c link set vx address 66:00:00:00:00:0b
t ip -n c link set vx up
t ip -n c neigh replace 10.9.0.1 lladdr 66:00:00:00:00:0a nud permanent dev vx
t ip netns exec a bridge fdb show dev vx
t ip netns exec c ping -c 1 -W 0.3 10.9.0.1
t ip netns exec a bridge fdb show dev vx
say down forgets
t ip -n a link set vx down
t ip netns exec a bridge fdb show dev vx
