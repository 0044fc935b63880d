# hairpin: a frame goes back by the port it came in by; isolation: ports that do not talk
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
know a 10.0.0.99 02:00:00:00:00:99
dump a a -i v0 -n -t -Q in
t ip netns exec a ping -c 1 -W 0.1 10.0.0.99
t ip netns exec sw bridge link set dev p0 hairpin on
t ip netns exec a ping -c 1 -W 0.1 10.0.0.99
t ip netns exec a ping -b -c 1 -W 0.1 10.0.0.255
enddump
t "ip netns exec sw bridge -d link show dev p0"
fdb
say a learnt entry on the port itself
t ip netns exec sw bridge fdb add 02:00:00:00:00:99 dev p0 master dynamic
see
t ip netns exec a ping -c 1 -W 0.1 10.0.0.99
t ip netns exec sw bridge link set dev p0 hairpin off
t ip netns exec a ping -c 1 -W 0.1 10.0.0.99
enddump
say isolated ports
t ip netns exec sw bridge link set dev p0 isolated on
t ip -n sw link set p1 type bridge_slave isolated on
see
t ip netns exec a ping -c 1 -W 0.1 10.0.0.2
t ip netns exec a ping -c 1 -W 0.1 10.0.0.3
t ip netns exec a ping -b -c 1 -W 0.1 10.0.0.255
enddump
ip -n sw addr add 10.0.0.9/24 brd + dev br0
t ip netns exec a ping -c 1 -W 0.2 10.0.0.9
t ip netns exec b ping -c 1 -W 0.2 10.0.0.9
t ip netns exec sw bridge link set dev p0 isolated off
t ip netns exec a ping -c 1 -W 0.1 10.0.0.2
