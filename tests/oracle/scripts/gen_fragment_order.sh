# generated: a process that sends fragments: each has arrived, and been answered, before the next one leaves
# area: icmp
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
sys b net.ipv4.ip_forward=1
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n b addr add 10.0.0.2/24 dev w0
t ip -n a route add 10.3.0.0/24 via 10.0.0.2
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.2
dump v0 a -i v0 -n -t
t ip netns exec a ping -n -c 1 -W 0.3 -s 3000 10.3.0.1
t ip netns exec a ping -n -c 1 -W 0.3 -s 3000 10.0.0.2
enddump
