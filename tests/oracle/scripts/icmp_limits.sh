# ICMP rate limits: time exceeded (6 at once), route errors (charged twice),
# and icmp_ratelimit=0, which empties the bucket the route errors need
# area: icmp
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1
ip -n r route add unreachable 10.6.0.0/16
ip -n a neigh add 10.0.0.254 lladdr 02:00:00:00:00:1a dev v0
ip -n r neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev r0
t ip netns exec r sysctl net.ipv4.icmp_ratelimit net.ipv4.icmp_ratemask net.ipv4.icmp_msgs_per_sec net.ipv4.icmp_msgs_burst
say time exceeded: 6 at once
t ip netns exec a ping -n -c 10 -i 0.01 -W 0.2 -t 1 10.1.0.2
sleep 2.1
say after 2 seconds of silence
t ip netns exec a ping -n -c 5 -i 0.01 -W 0.2 -t 1 10.1.0.2
sleep 7
say route errors
t ip netns exec a ping -n -c 10 -i 0.01 -W 0.2 10.6.0.1
sleep 2.2
t ip netns exec a ping -n -c 2 -i 0.01 -W 0.2 10.6.0.1
say echo replies are not limited
t ip netns exec a ping -n -q -c 20 -i 0.01 -W 0.2 10.1.0.2
say icmp_ratelimit=0
ip netns exec r sysctl -qw net.ipv4.icmp_ratelimit=0
t ip netns exec a ping -n -q -c 20 -i 0.01 -W 0.2 -t 1 10.1.0.2
t ip netns exec a ping -n -c 1 -W 0.2 10.6.0.1
sleep 1.1
t ip netns exec a ping -n -c 3 -i 0.01 -W 0.2 10.6.0.1
