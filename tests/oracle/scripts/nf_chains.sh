# Chains within chains: where RETURN, the end of a chain and goto lead, and a verdict deep inside (F80 to F86, F160)
# area: netfilter
ns a r b
pair a eth0 02:00:00:00:00:0a r ra 02:00:00:00:00:01
pair b eth0 02:00:00:00:00:0b r rb 02:00:00:00:00:02
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n r addr add 10.1.0.1/24 dev ra
ip -n r addr add 10.2.0.1/24 dev rb
ip -n b addr add 10.2.0.2/24 dev eth0
ip -n b addr add 10.2.0.3/24 dev eth0
ip -n a route add default via 10.1.0.1
ip -n b route add default via 10.2.0.1
sys r net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0
for i in iptables-nft iptables-legacy; do
    I="ip netns exec r $i"
    say $i: RETURN goes back one chain, goto leaves nothing to come back to
    for chain in ONE TWO THREE FAR; do t $I -N $chain; done
    t $I -A FORWARD -d 10.2.0.2 -j ONE
    t $I -A FORWARD -d 10.2.0.2 -m comment --comment back
    t $I -A ONE -j TWO
    t $I -A ONE -m comment --comment "after TWO"
    t $I -A ONE -g FAR
    t $I -A ONE -m comment --comment never
    t $I -A TWO -j THREE
    t $I -A TWO -m comment --comment "after THREE"
    t $I -A THREE -s 10.1.0.2 -j RETURN
    t $I -A THREE -m comment --comment never
    t $I -A FAR -m comment --comment far
    t $I -A FORWARD -d 10.2.0.3 -j REJECTS
    t $I -N REJECTS
    t $I -A FORWARD -d 10.2.0.3 -j REJECTS
    t $I -A REJECTS -m mark --mark 0 -g FAR
    t $I -A FAR -d 10.2.0.3 -j REJECT --reject-with icmp-admin-prohibited
    t ip netns exec a ping -c 1 10.2.0.2
    t ip netns exec a ping -c 1 -W 0.3 10.2.0.3
    t "$I -vnxL | sed -E 's/ +/ /g'"
    say a policy is what is left
    t $I -P FORWARD DROP
    t ip netns exec a ping -c 1 -W 0.3 10.2.0.2
    t $I -A THREE -j ACCEPT
    t $I -R THREE 1 -s 10.1.0.9 -j RETURN
    t ip netns exec a ping -c 1 -W 0.3 10.2.0.2
    t $I -I FORWARD -s 10.2.0.2 -j ACCEPT
    t ip netns exec a ping -c 1 -W 0.3 10.2.0.2
    t "$I -vnxL | sed -E 's/ +/ /g'"
    t $I -P FORWARD ACCEPT
    t $I -F
    t $I -X
done
