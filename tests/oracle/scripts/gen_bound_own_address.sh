# generated: a socket bound to a device gets what comes over lo for an address of that device
# area: ping
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a addr add 10.9.0.1/32 dev lo
t ip netns exec a ping -n -c 1 -W 0.3 -I v0 10.0.0.1
t ip netns exec a ping -n -c 1 -W 0.3 -I v0 10.9.0.1
t ip netns exec a ping -n -c 1 -W 0.3 -I lo 10.0.0.1
t ip netns exec a ping -n -c 1 -W 0.3 -I lo 127.0.0.1
