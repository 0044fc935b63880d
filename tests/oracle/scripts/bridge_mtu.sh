# the MTU of a bridge is that of its smallest port, unless it was set; frames that a port cannot take
# area: bridge
ns sw a b
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0
ip -n sw link set br0 up
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
mtu() { t "ip -n sw link show br0 | grep -o 'mtu [0-9]*'"; }
ip -n sw link set p0 mtu 1400
t ip -n sw link set p0 master br0
mtu
ip -n sw link set p1 mtu 9000
t ip -n sw link set p1 master br0
mtu
t ip -n sw link set p0 mtu 2000
mtu
t ip -n sw link set p0 nomaster
mtu
t ip -n sw link set p1 nomaster
mtu
say set by hand
t ip -n sw link set br0 mtu 1300
t ip -n sw link set p0 master br0
mtu
t ip -n sw link set p0 mtu 1200
mtu
t ip -n sw link add br1 mtu 1234 type bridge
t "ip -n sw link show br1 | grep -o 'mtu [0-9]*'"
t ip -n sw link set p1 master br1
t "ip -n sw link show br1 | grep -o 'mtu [0-9]*'"
say what is too long for the port it should leave by
t ip -n sw link set p1 master br0
ip -n sw link set p0 mtu 9000
ip -n a link set v0 mtu 9000
ip -n b link set v0 mtu 9000
ip -n sw link set p1 mtu 1000
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v0
ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b nud permanent dev v0
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev v0
dump sw sw -i any -n -t
for s in 972 976 977 1200; do t ip netns exec a ping -M do -c 1 -W 0.1 -s $s 10.0.0.2; done
enddump
say a long frame for the bridge itself
t ip netns exec sw ip addr add 10.0.0.9/24 dev br0
ip -n a neigh add 10.0.0.9 lladdr 02:00:00:00:00:b0 nud permanent dev v0
ip -n sw neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev br0
dump sw sw -i any -n -t
t ip netns exec a ping -M do -c 1 -W 0.1 -s 1400 10.0.0.9
enddump
