# generated: ignore_routes_with_linkdown does not concern routes to own addresses
# area: route
ns a b
sys a net.ipv4.conf.all.ignore_routes_with_linkdown=1
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name w0 netns b address 02:00:00:00:00:0b
t ip -n a link set v0 up
sleep 1.2
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a route show table all
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.1
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.2
