# the other node is dead: its neighbour entry fails, and the error goes to the node itself, not to the pod (F97)
# area: tunnel
ns node1 node2 pod1
pair node1 eth0 42:01:0a:00:00:17 node2 eth0 42:01:0a:00:00:18
pair node1 cali1 ee:00:00:00:00:01 pod1 eth0 02:00:00:00:00:01
sys node1 net.ipv4.ip_forward=1
ip -n node1 addr add 10.0.0.23/24 dev eth0
ip -n node1 addr add 192.168.1.1/24 dev cali1
ip -n pod1 addr add 192.168.1.12/24 dev eth0
ip -n pod1 route add default via 192.168.1.1
ip -n pod1 neigh add 192.168.1.1 lladdr ee:00:00:00:00:01 nud permanent dev eth0
ip -n node1 neigh add 192.168.1.12 lladdr 02:00:00:00:00:01 nud permanent dev cali1
ip -n node1 link add vx address 66:00:00:00:00:01 type vxlan id 4096 local 10.0.0.23 dev eth0 dstport 4789 nolearning
ip -n node1 link set vx up
ip -n node1 addr add 10.9.0.1/32 dev vx
ip -n node1 neigh add 10.9.0.2 lladdr 66:00:00:00:00:02 nud permanent dev vx
ip netns exec node1 bridge fdb add 66:00:00:00:00:02 dev vx dst 10.0.0.24
ip -n node1 route add 192.168.2.0/24 via 10.9.0.2 dev vx onlink
dump lo node1 -i lo -n -t -v
dump pod pod1 -i eth0 -n -t
t ip netns exec pod1 ping -c 1 -W 4 192.168.2.12
enddump
t "ip -n node1 neigh show dev eth0"
t "ip -n node1 -s link show vx | grep -A1 X:"
say the node itself asks
t ip netns exec node1 ping -c 1 -W 4 192.168.2.12
say no route, a route that leads back, a device that is down
t ip netns exec node1 bridge fdb replace 66:00:00:00:00:02 dev vx dst 172.16.0.1
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.12
t ip -n node1 route add 172.16.0.0/24 via 10.9.0.2 dev vx onlink
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.12
t "ip -n node1 -s link show vx | grep -A1 X:"
t ip -n node1 route add blackhole 172.16.0.1
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.12
t ip netns exec node1 bridge fdb replace 66:00:00:00:00:02 dev vx dst 10.0.0.24
t ip -n node1 link set eth0 down
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.12
t "ip -n node1 -s link show vx | grep -A1 X:"
t ip -n node1 link show vx
