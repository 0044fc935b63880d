# ports up and down, with and without carrier, and the state that a port is given by hand
# area: bridge
ns sw a b
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
ip -n sw link add p1 address 02:00:00:00:01:01 type veth peer name v0 netns b address 02:00:00:00:00:0b
all() { sleep 1.2; t ip netns exec sw bridge link; t "ip -n sw link show br0 | head -1"; }
say a bridge that is down
t ip -n sw link add br0 type bridge mcast_snooping 0
t ip -n sw link set p0 master br0
all
t ip -n sw link set br0 up
all
say a port that is down, and one without carrier
t ip -n sw link set p1 master br0
all
t ip -n sw link set p1 up
all
t ip -n b link set v0 up
all
all
say they go down
t ip -n sw link set p0 down
all
t ip -n b link set v0 down
all
all
t ip -n sw link set p0 up
all
say states by hand
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b link set v0 up
ip -n b addr add 10.0.0.2/24 dev v0
ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b nud permanent dev v0
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev v0
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
t ip netns exec sw bridge link set dev p0 state disabled
all
t "ip netns exec sw bridge fdb show br br0 | grep -v self"
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
t ip netns exec sw bridge link set dev p0 state learning
t ip netns exec sw bridge link
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
t "ip netns exec sw bridge fdb show br br0 | grep -v self"
t ip netns exec sw bridge link set dev p0 state blocking
t ip netns exec sw bridge link
t ip netns exec sw bridge link set dev p0 state listening
t ip netns exec sw bridge link
t ip netns exec sw bridge link set dev p0 state 3
t ip netns exec sw bridge link
t ip netns exec sw bridge link set dev p0 state 5
t ip netns exec sw bridge link set dev p0 state forwardin
t ip -n sw link set p0 type bridge_slave state 0
t ip netns exec sw bridge link show dev p0
t ip netns exec sw bridge link set dev p0 state 3
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
t ip netns exec sw bridge link set dev p0 cost 7 priority 9
t ip netns exec sw bridge link show dev p0
t ip -n sw link set p0 nomaster
all
