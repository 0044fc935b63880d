# CONNMARK and CT: marks that a connection keeps, zones, packets that are not tracked
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
sys r net.ipv4.ip_forward=1
ip -n a neigh add 10.0.0.254 lladdr 02:00:00:00:00:1a dev v0
ip -n r neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev r0
ip -n r neigh add 10.1.0.2 lladdr 02:00:00:00:00:0b dev r1
ip -n b neigh add 10.1.0.254 lladdr 02:00:00:00:00:1b dev v1
A="ip netns exec a" R="ip netns exec r"
look() {
    t $A ping -n -c 1 -W 0.3 -e 5 10.1.0.2
    sleep 0.1
    t "$R conntrack -L -p icmp 2>/dev/null"
    $R conntrack -F 2>/dev/null
}
for i in iptables iptables-legacy; do
    M="$R $i -t mangle -A PREROUTING"
    say marks, $i
    $M -i r0 -p icmp -j MARK --set-mark 0x1234
    $M -i r0 -p icmp -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff
    look
    $M -i r0 -p icmp -j CONNMARK --xor-mark 0xf00
    look
    $M -i r1 -p icmp -j CONNMARK --restore-mark --ctmask 0xf00 --nfmask 0xff00
    $M -i r1 -m mark --mark 0xf00 -j TTL --ttl-set 40
    look
    $M -i r0 -j CONNMARK --save-mark --left-shift-mark 4
    look
    $R $i -t mangle -F
    say zones, $i
    $R $i -A FORWARD -m conntrack --ctstate NEW
    for z in "--zone 5" "--zone-orig 5" "--zone-reply 5" "--notrack"; do
        $R $i -t raw -A PREROUTING -i r0 -j CT $z
        look
        $R $i -t raw -F
    done
    $R $i -t raw -A PREROUTING -i r0 -j MARK --set-mark 9
    $R $i -t raw -A PREROUTING -i r0 -j CT --zone mark
    look
    $R $i -t raw -F
    $R $i -t raw -A PREROUTING -i r0 -j NOTRACK
    $R $i -t raw -A PREROUTING -i r0 -j CT --zone 4
    $R $i -A FORWARD -m conntrack --ctstate UNTRACKED
    $R $i -A FORWARD -m conntrack --ctstate INVALID
    look
    t $R $i -nvL FORWARD
    $R $i -t raw -F
    $R $i -F
done
