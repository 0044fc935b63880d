# UDP and what errors say of it: a probe to a closed port, and one that is too long for the way
# area: netfilter
ns a node b
pair a eth0 02:00:00:00:00:01 node eth1 02:00:00:00:00:02
pair node eth2 02:00:00:00:00:03 b eth0 02:00:00:00:00:04
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n node addr add 10.1.0.1/24 dev eth1
ip -n node addr add 10.2.0.1/24 dev eth2
ip -n b addr add 10.2.0.2/24 dev eth0
ip -n a route add default via 10.1.0.1
ip -n b route add default via 10.2.0.1
sys node net.ipv4.ip_forward=1
I='ip netns exec node iptables -t mangle'
for chain in PREROUTING FORWARD OUTPUT POSTROUTING; do
    for state in NEW ESTABLISHED RELATED INVALID; do $I -A $chain -m conntrack --ctstate $state; done
done
show() {
    for chain in PREROUTING FORWARD OUTPUT POSTROUTING; do
        t "$I -vnxL $chain | sed -E 's/ +/ /g'"
    done
    $I -Z
}
exec ip netns exec node conntrack -E -p udp >events 2>&1 &
watcher=$!
sleep 0.3
t ip netns exec a tracepath -n 10.2.0.2
show
say too long
t ip -n node link set eth2 mtu 1400
t ip -n b link set eth0 mtu 1400
t ip netns exec a tracepath -n 10.2.0.2
show
t "ip netns exec node conntrack -L -p udp 2>&1 | sed -E 's/^(udp +17) [0-9]+ /\1 T /; s/(sport|dport)=[0-9]{5}/\1=P/g' | sort -u"
kill $watcher
wait $watcher
t "sed -E 's/(sport|dport)=[0-9]{5}/\1=P/g' events | sort -u"
