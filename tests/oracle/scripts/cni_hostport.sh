# A hostPort: portmap's rules behind ptp's pods; from outside, from the node, from a neighbour, from the pod itself (hairpin)
# area: netfilter
# frames: no — ports, sequence numbers and time stamps of TCP are drawn
ns node out a b
pair node eth0 02:00:00:00:00:01 out eth0 02:00:00:00:00:02
ip -n node addr add 10.9.0.1/24 dev eth0
ip -n out addr add 10.9.0.2/24 dev eth0
sys node net.ipv4.ip_forward=1
# What ADD of ptp does for a pod.
ptp() {
    pair $1 eth0 02:00:00:00:01:0$2 node veth$1 02:00:00:00:02:0$2
    ip -n $1 addr add 10.1.2.$2/24 dev eth0
    ip -n $1 route add default via 10.1.2.1 dev eth0
    ip -n $1 route del 10.1.2.0/24 dev eth0
    ip -n $1 route add 10.1.2.1 dev eth0 scope link src 10.1.2.$2
    ip -n $1 route add 10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.$2
    ip -n node addr add 10.1.2.1/32 dev veth$1
    ip -n node route add 10.1.2.$2/32 dev veth$1 scope host
}
ptp a 2
ptp b 3
for i in node.eth0 out.eth0 a.eth0 b.eth0 node.vetha node.vethb; do
    sys ${i%.*} net.ipv4.neigh.${i#*.}.delay_first_probe_time=60
done
# What ADD of portmap does for pod a: 8080 goes to 80.
N='ip netns exec node iptables -t nat'
$N -N CNI-HOSTPORT-SETMARK
$N -A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
$N -N CNI-HOSTPORT-MASQ
$N -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
$N -I POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
sys node net.ipv4.conf.vetha.route_localnet=1
$N -N CNI-HOSTPORT-DNAT
$N -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
$N -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
$N -N CNI-DN-a
$N -A CNI-DN-a -s 10.1.2.2/24 -p tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
$N -A CNI-DN-a -s 127.0.0.1 -p tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
$N -A CNI-DN-a -p tcp --dport 8080 -j DNAT --to-destination 10.1.2.2:80
$N -A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 8080 -j CNI-DN-a
t "ip netns exec node iptables-save -t nat | grep -v '^[#:]'"
for s in 10.9.0.2 10.9.0.1 127.0.0.1 10.1.2.1 10.1.2.2 10.1.2.3; do ip netns exec a iptables -A INPUT -p tcp --dport 80 -s $s; done
# Who asked, as the pod saw it.
CT() { t "ip netns exec a iptables -vnL INPUT | awk '\$1 + 0 > 0 {print \$1, \$7}'"; ip netns exec a iptables -Z INPUT; }
# Nobody listens in the pod: it refuses, and that says so to whom asked.
K() { t "ip netns exec $1 curl -s -m 0.8 http://$2/; echo \$?"; CT; ip netns exec node conntrack -F 2>/dev/null; sleep 1.1; }
say from outside the address stays
K out 10.9.0.1:8080
say the node asks itself, by either address
K node 10.9.0.1:8080
K node 127.0.0.1:8080
say a pod of the subnet gets the address of the pair
K b 10.9.0.1:8080
say so does the pod itself
K a 10.9.0.1:8080
say a port that nobody mapped
K out 10.9.0.1:8081
t "$N -vnL | sed -E 's/ +/ /g'"
