# Packets through a router's rules: verdicts, RETURN, goto, chains of chains, policies, devices, negation, and what all of them count
# area: netfilter
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:01
pair r r1 02:00:00:00:00:02 b v1 02:00:00:00:00:0b
sys r net.ipv4.ip_forward=1
for d in "a v0" "r r0" "r r1" "b v1"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
ip -n a addr add 10.0.0.2/24 dev v0
ip -n r addr add 10.0.0.1/24 dev r0
ip -n r addr add 10.1.0.1/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.1
ip -n b route add default via 10.1.0.1
ping_b() { t ip netns exec a ping -q -c "$1" -W 0.5 -i 0.2 10.1.0.2 "${@:2}"; }
for i in iptables-nft iptables-legacy; do
    ipt() { ip netns exec r $i "$@"; }
    show() { t ip netns exec r $i -L "$@" -n -v -x; }
    say $i: policies count what no rule decides, and only where they are asked to
    ipt -A FORWARD -d 10.9.9.9
    ping_b 1
    show FORWARD
    ipt -P FORWARD ACCEPT
    ping_b 1
    show FORWARD
    ipt -P FORWARD DROP
    ping_b 2
    show
    ipt -Z
    say $i: jump, return, goto
    ipt -F
    for c in ONE TWO THREE; do ipt -N $c; done
    ipt -A FORWARD -i r0 -j ONE
    ipt -A FORWARD -i r1 -g TWO
    ipt -A FORWARD -j DROP
    ipt -A ONE -p udp -j RETURN
    ipt -A ONE ! -s 10.0.0.0/24 -j DROP
    ipt -A ONE -j TWO
    ipt -A ONE -j ACCEPT
    ipt -A TWO -p icmp -j THREE
    ipt -A TWO -m comment --comment "never: goto has no way back"
    ipt -A THREE -s 10.1.0.2
    ipt -A THREE -d 10.0.0.2 -j ACCEPT
    ping_b 3
    show
    t ip netns exec r $i -S -v
    say $i: the goto ends in the policy
    ipt -R THREE 2 -d 10.0.0.2 -j RETURN
    ping_b 1
    show FORWARD
    ipt -P FORWARD ACCEPT
    ping_b 1
    show FORWARD
    say $i: devices, fragments, protocols, negation
    ipt -F
    ipt -A FORWARD ! -i r0
    ipt -A FORWARD -i r+ -o r1
    ipt -A FORWARD -i + -o +
    ipt -A FORWARD ! -o r1
    ipt -A FORWARD -f
    ipt -A FORWARD ! -f
    ipt -A FORWARD -p icmp ! -d 10.1.0.2
    ipt -A FORWARD ! -p tcp
    ipt -A FORWARD -s 10.0.0.0/255.0.0.255
    ipt -A FORWARD -s 10.0.0.2/255.0.0.255
    ping_b 1 -s 100
    ping_b 1 -s 3000
    show FORWARD
    say $i: input and output
    ipt -A INPUT -i r0 -p icmp -j DROP
    ipt -A OUTPUT -o lo -j ACCEPT
    ipt -A OUTPUT -d 10.1.0.2 -j DROP
    t ip netns exec a ping -q -c 1 -W 0.5 10.0.0.1
    t ip netns exec r ping -q -c 1 -W 0.5 10.1.0.2
    t ip netns exec r ping -q -c 1 10.0.0.1
    show
    say $i: marks
    ipt -F
    ipt -t mangle -A PREROUTING -j MARK --set-mark 0x5/0xf
    ipt -t mangle -A PREROUTING -j MARK --or-mark 0x10
    ipt -A FORWARD -m mark --mark 0x15
    ipt -A FORWARD -m mark ! --mark 0x15 -j DROP
    ping_b 1
    show FORWARD
    ipt -t mangle -F
    ipt -t mangle -X
    say $i: counters that are given, and that a replaced rule has not
    ipt -A FORWARD -c 10 1000 -p icmp
    ping_b 1
    ipt -D FORWARD 2
    ipt -I FORWARD 1 -c 5 5 -p udp
    show FORWARD
    ipt -R FORWARD 3 -p icmp
    ipt -Z FORWARD 1
    show FORWARD
    t "ip netns exec r $i-save -c | grep -v '^# [GC]'"
    t "ip netns exec r $i-save -c | ip netns exec r $i-restore -c"
    t "ip netns exec r $i-save -c | grep -v '^# [GC]'"
    ipt -F
    ipt -X
    ipt -P FORWARD ACCEPT
done
