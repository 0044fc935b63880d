# tcpdump: fragments
# area: tcpdump
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip netns exec a ping -c 1 10.0.0.2 >/dev/null
dump plain a -i v0 -n -t
dump v a -i v0 -n -t -v
dump e a -i v0 -n -t -e
ip netns exec a ping -c 1 -W 0.2 -s 3000 10.0.0.2 >/dev/null
ip netns exec a ping -c 1 -W 0.2 -s 1473 10.0.0.2 >/dev/null
enddump
