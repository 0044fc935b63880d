# names from /etc/hosts; signals
ns a b
printf '127.0.0.1 localhost\n10.0.0.254 gateway-with-a-long-name\n10.1.2.3 peer\n10.0.0.2 a-name-of-more-than-23-letters b\n' > hosts
mount --bind hosts /etc/hosts
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
t ip netns exec a ping -c 1 b
t ip netns exec a arp
t ip netns exec a arp -a
t ip netns exec a busybox arp
t ip netns exec a arping -c 1 -w 1 b
ip netns exec a ping -i 0.3 10.0.0.2 >out 2>&1 &
sleep 0.5
kill -QUIT $(ip netns pids a)
sleep 0.3
kill -INT $(ip netns pids a)
wait $! 2>/dev/null
t cat out
t ip netns exec a ping -f -c 2 10.0.0.2
ip netns exec a arping -D -w 3 -I v0 10.0.0.9 >out 2>&1 &
sleep 0.5
ip -n b addr add 10.0.0.9/24 dev v1
ip netns exec b arping -U -c 1 -w 1 -I v1 10.0.0.9 >/dev/null
wait $!
t cat out
t ip netns exec a route add default gw gateway-with-a-long-name
t ip netns exec a route add -host peer v0
t ip netns exec a route
t ip netns exec a busybox route
