# generated: the MTU that a tunnel has may be set again where a new one of that size may not; on a bridge it says nothing
# area: tunnel
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
ip -n a link add vx address 66:00:00:00:00:0a type vxlan id 7 dev e0 dstport 4789
ip -n a link set e0 mtu 1400
t ip -n a link set vx mtu 1450
t ip -n a link set vx mtu 1449
t ip -n a link set vx mtu 1350
t ip -n a link set vx mtu 1450
t "ip -n a link show vx | grep -o 'mtu [0-9]*'"
say a bridge follows its ports until another MTU than it has was set
ip -n a link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0
t ip -n a link set br0 mtu 1500
t ip -n a link set vx master br0
t "ip -n a link show br0 | grep -o 'mtu [0-9]*'"
t ip -n a link set br0 mtu 1300
t ip -n a link set vx mtu 1200
t "ip -n a link show br0 | grep -o 'mtu [0-9]*'"
