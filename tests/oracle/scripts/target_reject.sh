# REJECT in FORWARD, INPUT and OUTPUT: who hears what; DROP in OUTPUT
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
for n in a b; do sys $n net.ipv4.icmp_ratelimit=0; done
ip -n a neigh add 10.0.0.254 lladdr 02:00:00:00:00:1a dev v0
ip -n r neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev r0
ip -n r neigh add 10.1.0.2 lladdr 02:00:00:00:00:0b dev r1
ip -n b neigh add 10.1.0.254 lladdr 02:00:00:00:00:1b dev v1
A="ip netns exec a" R="ip netns exec r" B="ip netns exec b"
p() { t $A ping -n -c 1 -W 0.3 "$@"; }
for i in iptables iptables-legacy; do
    say FORWARD, $i
    for w in net-unreach host-unreach proto-unreach port-unreach net-prohib host-prohib admin-prohib; do
        $R $i -A FORWARD -i r0 -j REJECT --reject-with $w
        p 10.1.0.2
        $R $i -F
    done
    dump request r -tnvi r0
    $R $i -A FORWARD -i r0 -j REJECT --reject-with icmp-net-prohibited
    p 10.1.0.2
    enddump
    $R $i -F
    say the answer is rejected
    dump answer b -tnvi v1
    $R $i -A FORWARD -i r1 -j REJECT --reject-with icmp-net-prohibited
    p 10.1.0.2
    enddump
    $R $i -F
    say INPUT, $i
    $B $i -A INPUT -j REJECT --reject-with icmp-admin-prohibited
    p 10.1.0.2
    $B $i -F
    say OUTPUT, $i
    dump output a -tnvi lo
    $A $i -A OUTPUT -d 10.1.0.2 -j REJECT --reject-with icmp-host-prohibited
    t $A ping -n -c 2 -i 0.2 -W 0.3 10.1.0.2
    t $A ping -n -q -c 2 -i 0.2 -W 0.3 10.1.0.2
    enddump
    $A $i -F
    $A $i -A OUTPUT -d 10.1.0.2 -j DROP
    p 10.1.0.2
    t $A tracepath -n -m 2 10.1.0.2
    t $A arping -c 1 -I v0 10.0.0.254
    $A $i -F
    $A $i -t mangle -A POSTROUTING -d 10.1.0.2 -j DROP
    p 10.1.0.2
    $A $i -t mangle -F
    say errors of the router itself pass its OUTPUT
    $R $i -A OUTPUT -p icmp --icmp-type time-exceeded -j DROP
    p -t 1 10.1.0.2
    $R $i -F
    $R $i -A OUTPUT -j REJECT
    p -t 1 10.1.0.2
    p 10.0.0.254
    t $R ping -n -c 1 -W 0.3 10.1.0.2
    $R $i -F
    say no errors about broadcasts
    $R $i -A INPUT -j REJECT
    p -b 10.0.0.255
    $R $i -F
done
