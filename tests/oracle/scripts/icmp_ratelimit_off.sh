# icmp: with icmp_ratelimit 0 route errors have their tokens for themselves: five at once, then one a second
# area: icmp
ns a r
pair a e0 02:00:00:00:00:0a r e0 02:00:00:00:01:00
ip -n a addr add 10.0.0.1/24 dev e0
ip -n r addr add 10.0.0.254/24 dev e0
ip -n a route add default via 10.0.0.254
sys r net.ipv4.ip_forward=1
sys r net.ipv4.icmp_ratelimit=0
for n in a r; do sys $n net.ipv4.neigh.e0.delay_first_probe_time=60; done
t ip netns exec a ping -n -c 1 10.0.0.254
t ip netns exec a ping -n -c 12 -i 0.2 -W 1 10.0.9.1
