# generated: rules that ask for protocol and ports: of what is sent, of what comes in, and of ip route get, which asks for UDP
# area: rule
ns a b c
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
pair b x0 02:00:00:00:00:1a c y0 02:00:00:00:00:1b
sys b net.ipv4.ip_forward=1
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n b addr add 10.0.0.2/24 dev w0
t ip -n b addr add 10.1.0.2/24 dev x0
t ip -n c addr add 10.1.0.3/24 dev y0
t ip -n a route add default via 10.0.0.2
t ip -n c route add default via 10.1.0.2
t ip netns exec a ping -n -c 1 -W 0.3 10.1.0.3
t ip -n a rule add prio 10 to 10.1.0.3 ipproto icmp prohibit
t ip netns exec a ping -n -c 1 -W 0.3 10.1.0.3
t ip -n a route get 10.1.0.3
t ip -n a route get 10.1.0.3 ipproto icmp
t ip -n a rule del prio 10
t ip -n a rule add prio 10 to 10.1.0.3 ipproto udp prohibit
t ip netns exec a ping -n -c 1 -W 0.3 10.1.0.3
t ip -n a route get 10.1.0.3
t ip -n a route get 10.1.0.3 ipproto tcp
t ip -n a rule del prio 10
t ip -n a rule add prio 10 to 10.1.0.3 ipproto udp dport 1025 prohibit
t ip netns exec a ping -n -c 1 -W 0.3 10.1.0.3
t ip -n a route get 10.1.0.3 ipproto udp dport 1025
t ip -n a route get 10.1.0.3 ipproto udp dport 1026
t ip -n a rule del prio 10
say what comes in
t ip -n b rule add prio 10 to 10.1.0.3 ipproto udp prohibit
t ip netns exec a ping -n -c 1 -W 0.3 10.1.0.3
t ip -n b rule add prio 11 to 10.1.0.3 ipproto icmp prohibit
t ip netns exec a ping -n -c 1 -W 0.3 10.1.0.3
t ip -n b route get 10.1.0.3 from 10.0.0.1 iif w0
t ip -n b rule del prio 10
t ip -n b route get 10.1.0.3 from 10.0.0.1 iif w0
t ip -n b route get 10.1.0.3 from 10.0.0.1 iif w0 ipproto icmp
