# A rule set with a match, a target or an option that is not known: it is refused, and the rules that stand go on
# area: netfilter
ns a b
pair a eth0 02:00:00:00:00:0a b eth0 02:00:00:00:00:0b
ip -n a addr add 10.1.0.1/24 dev eth0
ip -n b addr add 10.1.0.2/24 dev eth0
for i in iptables-nft iptables-legacy; do
    res() {
        printf '$ %s-restore << %s\n' "$i" "$1"
        printf "$1" | ip netns exec b $i-restore
        local e=$?
        [ $e -eq 0 ] || echo "[exit $e]"
    }
    res '*filter\n:GUARD - [0:0]\n-A INPUT -j GUARD\n-A GUARD -s 10.1.0.1 -p icmp -j DROP\nCOMMIT\n'
    for text in '-m frobnicate -j ACCEPT' '-j FROBNICATE' '-m mark --frobnicate 1' '-m mark' '-p tcp -m tcp --dport x' '-m conntrack --ctstate SOMETIMES' '-j GUARD --mark 1'; do
        res "*filter\n:NEW - [0:0]\n-A INPUT -j NEW\n-A NEW $text\nCOMMIT\n"
        t ip netns exec b $i -A INPUT $text
    done
    t ip netns exec a ping -c 1 -W 0.3 10.1.0.2
    t "ip netns exec b $i -vnxL | sed -E 's/ +/ /g'"
    t ip netns exec b $i -F
    t ip netns exec b $i -X
done
