# generated: a request in many fragments does not fit into the send buffer that ping asks for
# area: ping
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n b addr add 10.0.0.2/24 dev w0
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.2
t ip -n a link set v0 mtu 100
t ip netns exec a ping -n -c 1 -W 0.3 -s 700 10.0.0.2
t ip netns exec a ping -n -c 1 -W 0.3 -s 850 10.0.0.2
t ip netns exec a ping -n -c 1 -W 0.3 -s 900 10.0.0.2
t ip netns exec a ping -n -c 1 -W 0.3 -s 1000 10.0.0.2
t ip netns exec a ping -n -c 1 -W 0.3 -s 3000 10.0.0.2
t ip netns exec a ping -n -c 1 -W 0.3 -S 100000 -s 3000 10.0.0.2
t ip -n a -s link show v0
