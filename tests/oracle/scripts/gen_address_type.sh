# generated: whether an address is ours is asked of one trie as long as local and main are one: a longer prefix of main hides a local route
# area: route
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
t ip -n a addr add 10.0.0.2/16 dev v0
t ip -n a route add local default dev lo
t ip netns exec a ping -n -c 1 -W 0.3 -I 10.0.0.99 192.168.9.1
t ip netns exec a ping -n -c 1 -W 0.3 -I 10.1.0.99 192.168.9.1
t ip -n a rule add prio 500 table 100
t ip netns exec a ping -n -c 1 -W 0.3 -I 10.0.0.99 192.168.9.1
