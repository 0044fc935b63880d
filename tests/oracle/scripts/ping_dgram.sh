# ping by a ping socket
# area: ping
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
sys a net.ipv4.ping_group_range="0 65535"
t ip netns exec a ping -v -c 1 10.0.0.2
t ip netns exec a ping -v -e 77 -c 1 10.0.0.2
t ip netns exec a ping -t 0 -c 1 10.0.0.2
t ip netns exec a ping -W 0.2 -M do -s 1600 -c 1 10.0.0.2
t ip netns exec a ping -W 4 -c 1 10.0.0.9
t ip netns exec a ping -W 4 -c 1 -I v0 10.0.0.8
