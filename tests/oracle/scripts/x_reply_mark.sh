# fwmark_reflect: answers and errors bear the mark of what they answer
# area: netfilter
ns a r
pair a eth0 02:00:00:00:00:0a r eth0 02:00:00:00:00:01
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n r addr add 10.1.0.1/24 dev eth0
ip -n a route add default via 10.1.0.1
sys r net.ipv4.ip_forward=1
t ip netns exec r iptables -t mangle -A PREROUTING -j MARK --set-mark 5
t ip netns exec r iptables -t mangle -A OUTPUT -p icmp -m mark --mark 5
t ip netns exec r iptables -t mangle -A OUTPUT -p icmp -m mark --mark 0
t ip netns exec a ping -n -c 1 -W 1 10.1.0.1
t ip netns exec a ping -n -c 1 -W 1 10.9.0.1
t ip netns exec r iptables -t mangle -vnxL OUTPUT
sys r net.ipv4.fwmark_reflect=1
t ip netns exec a ping -n -c 1 -W 1 10.1.0.1
t ip netns exec a ping -n -c 1 -W 1 10.9.0.1
t ip netns exec r iptables -t mangle -vnxL OUTPUT
ip -n r rule add fwmark 5 to 10.1.0.2 unreachable pref 10
t ip netns exec a ping -n -c 1 -W 1 10.1.0.1
t ip netns exec r iptables -t mangle -vnxL OUTPUT
