# bridge fdb: add, append, replace, del, get, flush; order of a listing, filters, JSON
# area: bridge
ns sw a b
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0
ip -n sw link set br0 up
ip -n sw link set p0 master br0
ip -n sw link set p1 master br0
f() { t ip netns exec sw bridge fdb $*; }
f
f show br br0
f show dev p0
f show brport p0
f show br br0 brport p1
f add 02:00:00:00:00:21 dev p0 master
f add 02:00:00:00:00:22 dev p0 master static
f add 02:00:00:00:00:23 dev p0 master dynamic
f add 02:00:00:00:00:24 dev p1 master temp sticky
f add 02:00:00:00:00:25 dev br0
f add 02:00:00:00:00:25 dev br0 self local
f add 02:00:00:00:00:26 dev br0 master
f add 02:00:00:00:00:27 dev p1 self
f add 01:00:5e:01:02:03 dev p1 self
f add 01:00:5e:01:02:04 dev p1 master
f add 02:00:00:00:00:28 dev p1 master dynamic use
f add 02:00:00:00:00:29 dev p1 master dynamic extern_learn
f show br br0
f show br br0 dynamic
f show br br0 state permanent
f show br br0 state static
f show br br0 state reachable
f show dev p1
f show vlan 1
f add 02:00:00:00:00:23 dev p1 master dynamic
f append 02:00:00:00:00:23 dev p1 master dynamic
f replace 02:00:00:00:00:22 dev p1 master dynamic
f replace 02:00:00:00:00:21 dev p1 master static
f get 02:00:00:00:00:23 br br0
f get 02:00:00:00:00:22 dev p1 master
f get 02:00:00:00:00:21 dev p1
f get to 02:00:00:00:00:b0 br br0
f get 02:00:00:00:01:00 dev br0 self
f get 02:00:00:00:00:99 br br0
f show br br0
t ip netns exec sw bridge -j fdb show br br0
t ip netns exec sw bridge -j -p fdb show br br0 state static
t ip netns exec sw bridge -c fdb show br br0 dynamic
t ip netns exec sw bridge -color=always fdb show br br0 dynamic
t ip netns exec sw bridge -s -j fdb show br br0 state reachable
t ip netns exec sw bridge -d fdb show br br0 state reachable
t ip netns exec sw bridge -o fdb show br br0 state reachable
t ip netns exec sw bridge -j fdb get 02:00:00:00:00:23 br br0
f del 02:00:00:00:00:23 dev p0 master
f del 02:00:00:00:00:23 dev p1 master
f del 02:00:00:00:00:27 dev p1
f del 01:00:5e:01:02:03 dev p1 self
f del 02:00:00:00:00:25 dev br0
f del 02:00:00:00:01:00 dev p0 master
f show br br0
say both at once, and on entries that the kernel made
f add 02:00:00:00:00:41 dev p1 self master
f replace 02:00:00:00:01:01 dev p1 master static
f append 02:00:00:00:00:b0 dev br0
f add 02:00:00:00:01:01 dev p1 master dynamic use
f show br br0
f del 02:00:00:00:00:41 dev p1 self master
f replace 02:00:00:00:01:01 dev p1 master
t ip -n sw link set p1 address 02:00:00:00:01:05
f show br br0
t ip -n sw link set p1 address 02:00:00:00:01:01
say flush
f add 02:00:00:00:00:31 dev p0 master static
f add 02:00:00:00:00:32 dev p0 master dynamic
f flush dev br0 brport p0 dynamic
f show br br0
f flush dev p0 master static
f show br br0
f flush dev br0 nopermanent
f show br br0
f add 02:00:00:00:00:32 dev p0 master dynamic
f flush dev br0
f show br br0
t "ip -n sw -d link show p1 | grep -o 'promiscuity [0-9]*'"
