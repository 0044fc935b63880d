# counters of a bridge and of its ports
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
show() { for d in p0 p1 p2 br0; do t "ip -n sw -s link show $d | tail -4"; done; }
sleep 0.2
t ip netns exec a ping -c 2 -i 0.2 -W 0.2 10.0.0.2
show
t ip netns exec a ping -b -c 1 -W 0.1 10.0.0.255
t ip netns exec a ping -c 1 -W 0.1 -I v0 224.0.0.5
show
ip -n sw addr add 10.0.0.9/24 brd + dev br0
ip -n sw neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev br0
ip -n a neigh add 10.0.0.9 lladdr 02:00:00:00:00:b0 nud permanent dev v0
t ip netns exec a ping -c 1 -W 0.2 10.0.0.9
t ip netns exec sw ping -b -c 1 -W 0.1 10.0.0.255
show
say too long for one port
ip -n sw link set p1 mtu 500
t ip netns exec a ping -c 1 -W 0.1 -s 1000 10.0.0.2
ip -n b link set v0 mtu 500
ip -n sw link set p1 mtu 1500
t ip netns exec a ping -c 1 -W 0.1 -s 1000 10.0.0.2
ip -n b link set v0 down
t ip netns exec a ping -c 1 -W 0.1 10.0.0.2
show
