# entries of a bridge grow old: after ageing_time they go, traffic keeps them, 0 learns nothing
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
t ip -n sw link set br0 type bridge ageing_time 200
t ip netns exec a ping -c 1 -W 0.1 10.0.0.2
fdb
sleep 1
t "ip netns exec sw bridge -s fdb show br br0 dynamic | grep -v self | sort"
t ip netns exec a ping -c 1 -W 0.1 10.0.0.3
t "ip netns exec sw bridge -s fdb show br br0 dynamic | grep -v self | sort"
sleep 1.5
fdb
sleep 1.6
fdb
say a static entry stays, a dynamic one by hand goes
t ip netns exec sw bridge fdb add 02:00:00:00:00:21 dev p0 master static
t ip netns exec sw bridge fdb add 02:00:00:00:00:22 dev p0 master dynamic
fdb
sleep 2.6
fdb
say ageing time 0
t ip -n sw link set br0 type bridge ageing_time 0
t ip netns exec a ping -c 1 -W 0.1 10.0.0.2
fdb
say a longer one
t ip -n sw link set br0 type bridge ageing_time 30000
t ip netns exec a ping -c 1 -W 0.1 10.0.0.2
fdb
say where a host moves to
ip -n b link set v0 address 02:00:00:00:00:0a
t ip netns exec b ping -c 1 -W 0.1 10.0.0.3
fdb
say so does a static entry, but not a sticky one
t ip netns exec sw bridge fdb add 02:00:00:00:00:31 dev p0 master static sticky
for m in 21 31; do
    ip -n b link set v0 address 02:00:00:00:00:$m
    know b 10.0.0.3 02:00:00:00:00:0c
    t ip netns exec b ping -c 1 -W 0.1 10.0.0.3
done
fdb
say the bridge goes down, and comes back
t ip -n sw link set br0 down
fdb
t ip netns exec sw bridge link
t ip -n sw link set br0 up
t ip netns exec sw bridge link
