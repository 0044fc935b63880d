# Targets of table mangle change packets: TTL, TOS, DSCP, ECN, MARK with a rule that routes by it
# area: netfilter
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
ip -n a neigh add 10.0.0.254 lladdr 02:00:00:00:00:1a dev v0
ip -n r neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev r0
ip -n r neigh add 10.1.0.2 lladdr 02:00:00:00:00:0b dev r1
ip -n b neigh add 10.1.0.254 lladdr 02:00:00:00:00:1b dev v1
A="ip netns exec a" R="ip netns exec r"
dump b b -tnvi v1
for i in iptables iptables-legacy; do
    m() {
        say "$i $*"
        $R $i -t mangle -A "$@"
        t $A ping -n -c 1 -W 0.3 10.1.0.2
        $R $i -t mangle -F
    }
    m PREROUTING -j TTL --ttl-set 1
    m PREROUTING -j TTL --ttl-inc 250
    m FORWARD -j TTL --ttl-dec 40
    m FORWARD -j TTL --ttl-set 9
    m POSTROUTING -j DSCP --set-dscp-class AF41
    m POSTROUTING -j TOS --set-tos 0x10/0x3f
    m POSTROUTING -j TOS --xor-tos 0x11
    m POSTROUTING -j ECN --ecn-ip-ect 2
    say a mark chooses the route, $i
    ip -n r rule add fwmark 7 table 7
    ip -n r route add prohibit default table 7
    m PREROUTING -i r0 -j MARK --set-mark 7
    m FORWARD -i r0 -j MARK --set-mark 7
    ip -n r rule del fwmark 7
    say in OUTPUT it is routed again, $i
    ip -n a rule add fwmark 7 table 7
    for w in unreachable prohibit blackhole; do
        ip -n a route replace $w default table 7
        $A $i -t mangle -A OUTPUT -p icmp -j MARK --set-mark 7
        t $A ping -n -c 1 -W 0.3 10.1.0.2
        $A $i -t mangle -F
    done
    ip -n a rule del fwmark 7
    ip -n a route flush table 7
    ip -n r route flush table 7
done
enddump
