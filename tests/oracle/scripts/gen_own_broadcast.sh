# generated: a host hears its own broadcasts, and what it sends to 224.0.0.1; such packets do not take the TTL of the default route
# area: icmp
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
sys a net.ipv4.icmp_echo_ignore_broadcasts=0
t ip -n a addr add 10.0.0.1/24 brd + dev v0
t ip -n b addr add 10.0.0.2/24 brd + dev w0
t ip -n a route add default via 10.0.0.2 hoplimit 2
t ip netns exec a ping -n -c 1 -W 0.3 -b 10.0.0.255
t ip netns exec a ping -n -c 1 -W 0.3 -b 255.255.255.255
t ip netns exec a ping -n -c 1 -W 0.3 224.0.0.1
t ip netns exec a ping -n -c 1 -W 0.3 224.0.0.5
t ip netns exec a ping -n -c 1 -W 0.3 -M dont -b 10.0.0.255
t ip netns exec a ping -n -c 1 -W 0.3 8.8.8.8
sys b net.ipv4.icmp_echo_ignore_broadcasts=0
t ip netns exec a ping -n -c 1 -W 0.3 -b 10.0.0.255
t ip netns exec a ping -n -c 1 -W 0.3 -L 224.0.0.1
t ip -n a -s link
t ip -n b -s link
