# carrier and operational state of a bridge: no port, then a port
# area: bridge
ns a
ip -n a link add p0 address 02:00:00:00:00:01 type veth peer name p1 address 02:00:00:00:00:02
ip -n a link set p1 up
t ip -n a link add br0 address 02:00:00:00:00:09 type bridge
t ip -n a link set br0 up
t ip -n a link show br0
t ip -n a link set p0 up
t ip -n a link set p0 master br0
t ip -n a link show p0
t ip -n a link show br0
t ip -n a link show master br0
t ip -n a link set p1 down
t ip -n a link show br0
t ip -n a link set p0 nomaster
t ip -n a link show br0
