# A hostPort behind a bridge that is the gateway: the pod's way to itself needs no hairpin port, for its answer comes by the bridge's address
# area: netfilter
# frames: no — ports, sequence numbers and time stamps of TCP are drawn
ns node a b
ip -n node link add cni0 address 02:00:00:00:00:aa type bridge
ip -n node addr add 10.1.2.1/24 dev cni0
ip -n node link set cni0 up
sys node net.ipv4.ip_forward=1
for p in a:2 b:3; do
    n=${p%:*}; i=${p#*:}
    pair $n eth0 02:00:00:00:01:0$i node veth$n 02:00:00:00:02:0$i
    ip -n node link set veth$n master cni0
    ip -n $n addr add 10.1.2.$i/24 dev eth0
    ip -n $n route add default via 10.1.2.1
done
for i in a.eth0 b.eth0 node.cni0; do sys ${i%.*} net.ipv4.neigh.${i#*.}.delay_first_probe_time=60; done
N='ip netns exec node iptables -t nat'
$N -N CNI-DN-a
$N -A CNI-DN-a -s 10.1.2.2/24 -p tcp --dport 8080 -j MARK --set-xmark 0x2000/0x2000
$N -A CNI-DN-a -p tcp --dport 8080 -j DNAT --to-destination 10.1.2.2:80
$N -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-DN-a
$N -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-DN-a
for s in 10.9.0.2 10.9.0.1 127.0.0.1 10.1.2.1 10.1.2.2 10.1.2.3; do ip netns exec a iptables -A INPUT -p tcp --dport 80 -s $s; done
# Who asked, as the pod saw it.
CT() { t "ip netns exec a iptables -vnL INPUT | awk '\$1 + 0 > 0 {print \$1, \$7}'"; ip netns exec a iptables -Z INPUT; }
K() { t "ip netns exec $1 curl -s -m 0.8 http://$2/; echo \$?"; CT; ip netns exec node conntrack -F 2>/dev/null; sleep 1.1; }
say without masquerading the neighbour answers past the node, and the pod has itself as its peer
K b 10.1.2.1:8080
K a 10.1.2.1:8080
say with it
$N -I POSTROUTING -m mark --mark 0x2000/0x2000 -j MASQUERADE
K b 10.1.2.1:8080
K a 10.1.2.1:8080
say and with a hairpin port
t bridge -n node link set dev vetha hairpin on
K a 10.1.2.1:8080
