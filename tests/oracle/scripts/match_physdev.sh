# physdev: ports of a bridge that asks iptables
# area: netfilter
modprobe br_netfilter 2>/dev/null
ns a b c r
sys r net.bridge.bridge-nf-call-iptables=1
ip -n r link add br0 type bridge mcast_snooping 0
ip -n r link set br0 address 02:00:00:00:00:01
ip -n r link set br0 up
pair a v0 02:00:00:00:00:0a r p0 02:00:00:00:00:1a
pair b v1 02:00:00:00:00:0b r p1 02:00:00:00:00:1b
pair c v2 02:00:00:00:00:0c r r2 02:00:00:00:00:1c
ip -n r link set p0 master br0
ip -n r link set p1 master br0
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n c addr add 10.1.0.3/24 dev v2
ip -n r addr add 10.0.0.254/24 dev br0
ip -n r addr add 10.1.0.254/24 dev r2
ip -n a route add default via 10.0.0.254
ip -n c route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1
neigh() { ip -n $1 neigh add $2 lladdr 02:00:00:00:00:$3 dev $4; }
neigh a 10.0.0.2 0b v0
neigh b 10.0.0.1 0a v1
neigh a 10.0.0.254 01 v0
neigh r 10.0.0.1 0a br0
neigh r 10.1.0.3 0c r2
neigh c 10.1.0.254 1c v2
sleep 1.2
for i in iptables-nft iptables-legacy; do
    R="ip netns exec r $i -t mangle"
    for c in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do
        for m in '--physdev-in p0' '! --physdev-in p0' '--physdev-in p+' '--physdev-is-in' '! --physdev-is-in' '--physdev-is-bridged' '! --physdev-is-bridged'; do
            $R -A $c -m physdev $m
        done
    done
    for c in PREROUTING FORWARD POSTROUTING; do
        for m in '--physdev-out p1' '! --physdev-out p1' '--physdev-is-out' '! --physdev-is-out' '--physdev-in p0 --physdev-out p1' '--physdev-out p1 --physdev-is-bridged'; do
            $R -A $c -m physdev $m
        done
    done
    for way in 'a 10.0.0.2' 'a 10.0.0.254' 'a 10.1.0.3'; do
        set -- $way
        t ip netns exec $1 ping -n -q -c 1 -W 1 $2
        t "$R -vnxL | grep 'PHYSDEV\|Chain'"
        $R -Z
    done
    $R -F
done
