# tcpdump: -t -tt -ttt -tttt -ttttt, time precision
# area: tcpdump
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
for o in "" -t -tt -ttt -tttt -ttttt "-ttt --nano" "-tt --nano" "--micro" "-tttt --time-stamp-precision=nano"; do
    dump a a -i v0 -n $o icmp
    ip netns exec a ping -c 2 -i 0.2 -s 8 10.0.0.2 >/dev/null
    enddump
done
