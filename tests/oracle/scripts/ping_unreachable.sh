# ping: ARP failure, silent loss, statistics line, exit statuses
# area: ping
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
t ip netns exec a ping -c 3 -W 4 10.0.0.9
t ip netns exec a ping -c 1 -W 0.2 10.0.0.8
t ip netns exec a ping -c 3 -i 0.2 -W 0.3 10.0.0.7
t ip netns exec a ping -c 2 -i 0.2 -W 0.3 -O 10.0.0.6
t ip netns exec a ping -w 1 -i 0.3 10.0.0.5
sleep 0.3
t ip netns exec a ping -q -c 1 -w 4 10.0.0.4
say some answered, some not
ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=1
t ip netns exec a ping -c 2 -i 0.2 -W 0.3 10.0.0.2
ip netns exec a ping -O -c 6 -i 0.3 -W 0.3 10.0.0.2 >out 2>&1 &
p=$!
sleep 0.75
ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=0
wait $p
say "ping -O -c 6 -i 0.3 -W 0.3 10.0.0.2, the first three lost: exit $?"
cat out
ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=1
t ip netns exec a ping -n -D -O -c 2 -i 0.2 -W 0.3 10.0.0.2
t ip netns exec a ping -f -c 3 -W 0.3 10.0.0.2
say interrupted
exec ip netns exec a ping -i 0.3 10.0.0.2 >out 2>&1 &
sleep 0.8
kill -INT $!
wait $!
say "exit $?"
cat out
ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=0
exec ip netns exec a ping -i 0.3 10.0.0.2 >out 2>&1 &
sleep 0.5
kill -QUIT $!
sleep 0.3
kill -TERM $!
wait $! 2>/dev/null
say "QUIT then TERM: exit $?"
cat out
