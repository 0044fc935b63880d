# generated: ip route get of unusual targets: 0.0.0.0 with a device, a target that is its own gateway, fibmatch, a group on a device that is down
# area: route
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
sys a net.ipv4.ip_forward=1
ip link add v1 netns a address 02:00:00:00:00:1a type veth peer name w1 netns b address 02:00:00:00:00:1b
t ip -n a route get 172.31.0.1 oif v0
t ip -n a route get 172.31.0.1 oif v0 fibmatch
t ip -n a route get 0.0.0.0
t ip -n a route get 0.0.0.0 oif v0
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a route get 0.0.0.0
t ip -n a route get 0.0.0.0 oif v0
t ip -n a route get 0.0.0.0 oif lo
t ip -n a route get 0.0.0.0 from 10.0.0.1
t ip -n a route add 10.0.0.2 via 10.0.0.2
t ip -n a route get 10.0.0.2
t ip -n a route get 10.0.0.2 from 10.9.0.1 iif v0
t ip -n a route get 224.0.0.1 iif v0
t ip -n a route get 224.0.0.1 iif v1
t ip -n a route add default via 10.0.0.2
t ip -n a route get 224.0.0.1 fibmatch
t ip -n a route get 255.255.255.255 fibmatch
t ip -n a route get 10.0.0.255 fibmatch
t ip -n a route get 10.0.0.1 fibmatch
t ip -n a route get 8.8.8.8 fibmatch
