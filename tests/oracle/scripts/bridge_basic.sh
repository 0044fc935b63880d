# a bridge with three ports: flooding order, learning, fdb
# area: bridge
ns sw a b c
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge stp_state 0 mcast_snooping 0
ip -n sw link set br0 up
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
pair c v0 02:00:00:00:00:0c sw p2 02:00:00:00:01:02
for p in p0 p1 p2; do t ip -n sw link set $p master br0; done
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v0
ip -n c addr add 10.0.0.3/24 dev v0
t "ip -n sw -d link show p0 | sed 's/_timer  *[0-9.]*/_timer X/g'"
t ip netns exec sw bridge link
t "ip netns exec sw bridge fdb | sort"
dump sw sw -i any -n -t
dump c c -i v0 -n -t
t ip netns exec a ping -c 1 10.0.0.2
enddump
t ip -n a neigh
t ip -n c neigh
t "ip netns exec sw bridge fdb show br br0 | grep -v permanent | sort"
t "ip netns exec sw bridge -s fdb show br br0 dynamic | sed 's/used [0-9/]*/used X/' | sort"
t ip netns exec sw bridge fdb del 02:00:00:00:00:0a dev p0 master
t ip netns exec sw bridge fdb flush dev br0
say the bridge has an address itself
ip -n sw addr add 10.0.0.9/24 dev br0
dump br sw -i br0 -n -t -e
t ip netns exec a ping -c 1 10.0.0.9
enddump
say a port is taken away
t ip -n sw link set p1 nomaster
t ip netns exec a ping -c 1 -W 0.3 10.0.0.2
t ip netns exec sw bridge link
