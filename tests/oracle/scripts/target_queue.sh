# Nobody listens to a queue; SET writes into sets
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
for i in iptables iptables-legacy; do
    F="$R $i -A FORWARD"
    p() { t $A ping -n -c 1 -W 0.3 10.1.0.2; }
    say queues, $i
    $F -j NFQUEUE
    p
    $R $i -F
    $F -j NFQUEUE --queue-bypass
    $F -j DROP
    p
    t $R $i -nvL FORWARD
    $R $i -t mangle -A POSTROUTING -j DROP
    p
    $R $i -t mangle -F
    $R $i -F
    $A $i -A OUTPUT -j NFQUEUE
    p
    $A $i -F
    say sets, $i
    $R ipset create s hash:ip timeout 100
    $R ipset create s2 hash:ip,port
    $F -i r0 -j SET --add-set s src
    p
    sleep 2.5
    p
    t "$R ipset list s | tail -1"
    $R $i -F
    $F -i r0 -j SET --add-set s src --exist --timeout 50
    p
    sleep 0.5
    t "$R ipset list s | tail -1"
    $R $i -F
    $F -i r0 -j SET --add-set s dst --timeout 0
    $F -i r0 -j SET --del-set s src --add-set s2 src,dst
    p
    t "$R ipset list s | tail -1"
    t "$R ipset list s2 | tail -1"
    t $R ipset destroy s2
    t $R $i -S FORWARD
    t $R $i -A FORWARD -j SET --add-set nosuch src
    t $R $i -A FORWARD -j SET --add-set s
    t $R $i -A FORWARD -j SET --del-set s src --exist
    t $R $i -A FORWARD -j SET
    $R $i -F
    t $R ipset destroy
done
