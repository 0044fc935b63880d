# generated: ping asks for a route twice: without a source, and with the one that it got; rules may tell them apart
# area: rule
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a rule add from 10.0.0.1 unreachable
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.2
t ip -n a rule del from 10.0.0.1 unreachable
t ip -n a rule add from 10.0.0.1 prohibit
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.2
t ip -n a rule del from 10.0.0.1 prohibit
t ip -n a rule add from 0.0.0.0 blackhole
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.2
