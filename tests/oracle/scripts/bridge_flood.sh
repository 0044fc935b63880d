# what a bridge floods, in the order of its ports, and which port wants no copy
# area: bridge
ns sw a b c
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0
ip -n sw link set br0 up
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
pair c v0 02:00:00:00:00:0c sw p2 02:00:00:00:01:02
for p in p0 p1 p2; do ip -n sw link set $p master br0; done
for h in a/1 b/2 c/3; do ip -n ${h%/*} addr add 10.0.0.${h#*/}/24 dev v0; done
know() { ip -n $1 neigh replace $2 lladdr $3 nud permanent dev v0; }
know a 10.0.0.2 02:00:00:00:00:0b
know a 10.0.0.3 02:00:00:00:00:0c
know b 10.0.0.1 02:00:00:00:00:0a
know b 10.0.0.3 02:00:00:00:00:0c
know c 10.0.0.1 02:00:00:00:00:0a
know c 10.0.0.2 02:00:00:00:00:0b
fdb() { t "ip netns exec sw bridge fdb show br br0 $* | grep -v self"; }
see() { dump sw sw -i any -n -t; }
say unknown unicast, then learnt
see
t ip netns exec a ping -c 2 -i 0.3 10.0.0.2
enddump
fdb
say multicast and broadcast
see
t ip netns exec a ping -c 1 -W 0.1 -I v0 224.0.0.5
t ip netns exec a ping -b -c 1 -W 0.1 10.0.0.255
enddump
say no flooding of one kind
t ip netns exec sw bridge link set dev p1 bcast_flood off
t ip netns exec sw bridge link set dev p2 mcast_flood off
see
t ip netns exec a ping -c 1 -W 0.1 -I v0 224.0.0.5
t ip netns exec a ping -b -c 1 -W 0.1 10.0.0.255
enddump
t ip netns exec sw bridge link set dev p1 bcast_flood on flood off
t ip netns exec sw bridge link set dev p2 mcast_flood on
t ip -n sw link set br0 type bridge fdb_flush
fdb
see
t ip netns exec a ping -c 1 -W 0.1 10.0.0.2
enddump
say a port that does not learn
t ip netns exec sw bridge link set dev p1 flood on learning off
t ip -n sw link set p0 type bridge_slave fdb_flush
fdb
t ip netns exec b ping -c 1 -W 0.1 10.0.0.3
fdb
say the bridge itself sends
ip -n sw addr add 10.0.0.9/24 brd + dev br0
ip -n sw link set br0 type bridge fdb_flush
ip -n sw neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev br0
ip -n a neigh add 10.0.0.9 lladdr 02:00:00:00:00:b0 nud permanent dev v0
see
t ip netns exec sw ping -c 1 -W 0.1 10.0.0.1
t ip netns exec sw ping -b -c 1 -W 0.1 10.0.0.255
t ip netns exec sw bridge link set dev p1 bcast_flood off mcast_flood off flood off
t ip netns exec sw ping -b -c 1 -W 0.1 10.0.0.255
t ip netns exec sw ping -c 1 -W 0.1 -I br0 224.0.0.5
enddump
say no port left that forwards
for p in p0 p1 p2; do ip -n sw link set $p nomaster; done
sleep 1.2
see
t ip netns exec sw ping -b -c 1 -W 0.1 10.0.0.255
enddump
