# the address of a bridge, the entries of its own addresses, and which frames it takes for itself
# area: bridge
ns sw a b
ip -n sw link add br0 type bridge mcast_snooping 0
ip -n sw link set br0 up
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:01
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:00
fdb() { t "ip netns exec sw bridge fdb show br br0 $* | grep -v self"; }
mac() { t "ip -n sw link show br0 | grep -o 'ether [0-9a-f:]*'"; }
say the lowest address of the ports
t ip -n sw link set p0 master br0
mac
t ip -n sw link set p1 master br0
mac
fdb
ip -n sw addr add 10.0.0.9/24 brd + dev br0
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v0
ip -n sw neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev br0
dump br sw -i any -n -t
for m in 01:00 01:01 ; do
    ip -n a neigh replace 10.0.0.9 lladdr 02:00:00:00:$m nud permanent dev v0
    t ip netns exec a ping -c 1 -W 0.2 10.0.0.9
done
enddump
say the bridge listens to everything
t ip -n sw link set br0 promisc on
t "ip -n sw -d link show br0 | grep -o 'promiscuity [0-9]*'"
ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b nud permanent dev v0
ip -n b neigh replace 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev v0
dump br sw -i any -n -t
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
enddump
t ip -n sw link set br0 promisc off
say a port changes its address
t ip -n sw link set p1 address 02:00:00:00:01:09
mac
fdb
t ip -n sw link set p0 address 02:00:00:00:01:0f
mac
fdb
say an address of its own
t ip -n sw link set br0 address 02:00:00:00:00:b0
fdb
t ip -n sw link set p1 address 02:00:00:00:01:03
mac
t ip -n sw link set br0 address 02:00:00:00:00:b1
fdb
say ports with one address
t ip -n sw link set p0 address 02:00:00:00:01:03
fdb
t ip -n sw link set p1 nomaster
fdb
t ip -n sw link set p0 nomaster
fdb
mac
say without ports
ip -n sw link add br1 type bridge
ip -n sw link set br1 up
t ip -n sw link set p0 master br1
t "ip -n sw link show br1 | grep -o 'ether [0-9a-f:]*'"
t ip -n sw link set p0 nomaster
t "ip -n sw link show br1 | grep -o 'ether [0-9a-f:]*'"
t "ip netns exec sw bridge fdb show br br1 | grep -v self"
say a local entry by hand
t ip -n sw link set p0 master br0
t ip netns exec sw bridge fdb add 02:00:00:00:00:77 dev p0 master permanent
fdb
ip -n a neigh replace 10.0.0.9 lladdr 02:00:00:00:00:77 nud permanent dev v0
dump br sw -i br0 -n -t
t ip netns exec a ping -c 1 -W 0.2 10.0.0.9
enddump
