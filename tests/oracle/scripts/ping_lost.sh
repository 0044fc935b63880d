# ping over a wire that loses, doubles nothing and comes back: counts, -O, -c with -w, -i, -f refused, statistics
# area: ping
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
for d in "a v0" "b v1"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
ip netns exec a ping -q -c 1 10.0.0.2 >/dev/null
sys b net.ipv4.icmp_echo_ignore_all=1
say nobody answers
t ip netns exec a ping -c 3 -i 0.2 -W 0.3 10.0.0.2
t ip netns exec a ping -c 3 -i 0.2 -W 0.3 -O 10.0.0.2
t ip netns exec a ping -q -w 1 -i 0.3 10.0.0.2
say somebody answers from the third on
(sleep 0.5; command ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=0) &
t ip netns exec a ping -c 5 -i 0.2 -W 0.3 10.0.0.2
wait
sys b net.ipv4.icmp_echo_ignore_all=1
(sleep 0.5; command ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=0) &
t ip netns exec a ping -O -c 5 -i 0.2 -W 0.3 10.0.0.2
wait
say -w with -c waits for as many answers
sys b net.ipv4.icmp_echo_ignore_all=1
(sleep 0.5; command ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_all=0) &
t ip netns exec a ping -q -w 3 -c 2 -i 0.2 10.0.0.2
wait
say the other side forgets its address in between
(sleep 0.5; command ip -n b addr del 10.0.0.2/24 dev v1) &
t ip netns exec a ping -c 4 -i 0.2 -W 0.3 10.0.0.2
wait
ip -n b addr add 10.0.0.2/24 dev v1
say interrupted
for s in INT TERM QUIT; do
    exec ip netns exec a ping -i 0.3 10.0.0.2 >out 2>&1 &
    p=$!
    sleep 0.5
    kill -$s $p
    [ $s = QUIT ] && { sleep 0.3; kill -INT $p; }
    wait $p 2>/dev/null
    say "exit $?"
    t cat out
done
