# xtables-monitor --trace: packets that TRACE has marked, rule by rule; ids are random, and left out
# area: netfilter
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:01
pair r r1 02:00:00:00:00:02 b v1 02:00:00:00:00:0b
sys r net.ipv4.ip_forward=1
ip -n a addr add 10.0.0.2/24 dev v0
ip -n r addr add 10.0.0.1/24 dev r0
ip -n r addr add 10.1.0.1/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.1
ip -n b route add default via 10.1.0.1
ip netns exec a ping -q -c 1 10.1.0.2 >/dev/null
ipt() { ip netns exec r iptables-nft "$@"; }
ipt -t raw -A PREROUTING -p icmp -s 10.0.0.2 -j TRACE
ipt -N X
ipt -N Y
ipt -N Z
ipt -A FORWARD -j Z
ipt -A Z -s 9.9.9.9
ipt -A FORWARD -j X
ipt -A X -s 10.0.0.2 -m comment --comment 'c d'
ipt -A X -g Y
ipt -A Y -p icmp -j RETURN
ipt -A FORWARD -j MARK --set-mark 5
ipt -A FORWARD -p udp -j DROP
ipt -A INPUT -j RETURN
ipt -t mangle -A POSTROUTING -s 10.0.0.2 -j MARK --or-mark 0x10
monitored() {
    exec 3>&1
    ip netns exec r timeout 2 xtables-monitor --trace "$1" >trace &
    sleep 0.5
    "${@:2}"
    wait $!
    sed -E 's/: 2 [0-9a-f]{8} /: 2 ID /; s/ ID=[0-9]+/ ID=N/' trace
}
say forwarded
monitored -4 t ip netns exec a ping -q -c 1 10.1.0.2
say to the router itself
monitored -4 t ip netns exec a ping -q -c 1 10.0.0.1
say fragments
monitored -4 t ip netns exec a ping -q -c 1 -s 2000 10.1.0.2
say after a restore the handles begin anew
ip netns exec r iptables-nft-save >saved
ip netns exec r iptables-nft-restore saved
monitored -t t ip netns exec a ping -q -c 1 10.1.0.2
say what it refuses
t ip netns exec r xtables-monitor
t ip netns exec r xtables-monitor -V
t ip netns exec r xtables-monitor -q
t ip netns exec r xtables-monitor --tra=5
t ip netns exec r xtables-monitor --foo
