# ports come and go: numbers, addresses on a port, other bridges, other namespaces, deletion
# area: bridge
ns sw o a b c
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
pair c v0 02:00:00:00:00:0c sw p2 02:00:00:00:01:02
ip -n sw link add br0 type bridge mcast_snooping 0
ip -n sw link add br1 type bridge mcast_snooping 0
ip -n sw link set br0 up
ip -n sw link set br1 up
nos() { t "ip -n sw -d link | grep -Eo 'p[0-9]@.*master br.|port_no 0x.'"; }
t ip -n sw link set p0 master br0
t ip -n sw link set p1 master br0
t ip -n sw link set p2 master br0
nos
t ip -n sw link set p1 nomaster
t ip -n sw link set p1 nomaster
nos
t ip -n sw link set p1 master br0
nos
t ip -n sw link set p0 master br1
nos
t ip netns exec sw bridge link
t ip -n sw link set p0 master br0
nos
say an address left on a port does not answer there
ip -n sw addr add 10.0.0.9/24 dev p0
ip -n a addr add 10.0.0.1/24 dev v0
t ip netns exec a ping -c 1 -W 0.3 10.0.0.9
ip -n sw link set p0 nomaster
ip -n a neigh flush dev v0
t ip netns exec a ping -c 1 -W 0.3 10.0.0.9
t ip -n sw addr show p0
ip -n sw link set p0 master br0
say to another namespace and back
t ip -n sw link set p1 netns o
t ip netns exec sw bridge link
t ip -n o link show p1
t "ip -n sw -d link show p0 | grep -o 'promiscuity [0-9]*  allmulti [0-9]*'"
t ip -n o link set p1 netns sw
t ip -n sw link show p1
say deletion
t ip -n sw link del p2
t ip netns exec sw bridge link
t ip netns exec sw bridge fdb show br br0
t ip -n sw link set p1 up
t ip -n sw link set p1 master br0
t ip -n sw link del br0
sleep 1.2
t ip -n sw link
t "ip -n sw -d link show p0 | grep -o 'promiscuity [0-9]*  allmulti [0-9]*'"
t ip netns exec sw bridge link
t ip -n sw link add br2 type bridge
t ip -n sw link set dev p0 up master br2
t ip netns exec sw bridge link
t ip -n sw link add x0 address 02:00:00:00:02:00 master br2 type veth peer name x1 address 02:00:00:00:02:01
t ip -n sw link add x2 address 02:00:00:00:02:02 type veth peer name x3 address 02:00:00:00:02:03 master br2
t ip netns exec sw bridge link
