# Netfilter around a tunnel: connections inside and outside, marks that go along, and what masquerades twice (F98, F99, F195, F197)
# area: netfilter
ns node1 node2 pod1 pod2
pair node1 eth0 02:00:00:00:00:01 node2 eth0 02:00:00:00:00:02
for n in 1 2; do
    ip -n node$n addr add 10.0.0.$n/24 dev eth0
    ip -n node$n addr add 10.0.0.9$n/24 dev eth0
    sys node$n net.ipv4.ip_forward=1
    pair node$n cali ee:ee:ee:ee:ee:e$n pod$n eth0 02:00:00:00:01:0$n
    ip -n pod$n addr add 192.168.$n.2/32 dev eth0
    ip -n pod$n route add 169.254.1.1 dev eth0 scope link
    ip -n pod$n route add default via 169.254.1.1
    ip -n pod$n neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:e$n dev eth0
    ip -n node$n route add 192.168.$n.2 dev cali
    ip -n node$n link add vxlan.calico address 66:00:00:00:00:0$n type vxlan id 4096 dev eth0 dstport 4789 nolearning
    ip -n node$n addr add 192.168.$n.0/32 dev vxlan.calico
    ip -n node$n link set vxlan.calico up
done
for n in 1 2; do
    m=$((3 - n))
    ip -n node$n route add 192.168.$m.0/24 via 192.168.$m.0 dev vxlan.calico onlink
    ip -n node$n neigh add 192.168.$m.0 lladdr 66:00:00:00:00:0$m dev vxlan.calico
    bridge -n node$n fdb add 66:00:00:00:00:0$m dev vxlan.calico dst 10.0.0.$m
done
N='ip netns exec node1 iptables -t nat'
M='ip netns exec node1 iptables -t mangle'
flows() { t "ip netns exec $1 conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/^([a-z]+ +[0-9]+) [0-9]+ /\1 T /; s/(sport|dport)=[0-9]{5}/\1=P/g; s/ use=.//' | sort"; }
counts() { t "$1 -vnxL | sed -E 's/ +/ /g'"; }
say a mark from the pod is on what leaves by the NIC
t $M -A FORWARD -i cali -j MARK --set-mark 0x4000
for chain in OUTPUT POSTROUTING; do
    t $M -A $chain -p udp --dport 4789 -m mark --mark 0x4000
    t $M -A $chain -p udp --dport 4789 -m mark ! --mark 0x4000
done
t ip netns exec node2 iptables -t mangle -A PREROUTING -m mark ! --mark 0
t ip netns exec pod1 ping -c 1 192.168.2.2
counts "$M"
counts "ip netns exec node2 iptables -t mangle"
t $M -F
say kube-proxy: what is marked is masqueraded, inside, and without the xor outside once more
t ip -n node1 route replace 10.0.0.2 dev eth0 src 10.0.0.91
t $N -N KUBE-POSTROUTING
t $N -A POSTROUTING -j KUBE-POSTROUTING
t $N -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
t $N -A KUBE-POSTROUTING -j MASQUERADE
t $N -A PREROUTING -i cali -d 10.96.0.10 -j MARK --or-mark 0x4000
t $N -A PREROUTING -d 10.96.0.10 -j DNAT --to-destination 192.168.2.2
dump wire node1 -i eth0 -n -t udp
dump inner node2 -i vxlan.calico -n -t icmp
t ip netns exec pod1 ping -c 2 -i 0.2 10.96.0.10
enddump
counts "$N"
flows node1
flows node2
for n in 1 2; do ip netns exec node$n conntrack -F 2>/dev/null; done
t $N -I KUBE-POSTROUTING 2 -j MARK --xor-mark 0x4000
t $N -Z
dump wire node1 -i eth0 -n -t udp
dump inner node2 -i vxlan.calico -n -t icmp
t ip netns exec pod1 ping -c 2 -i 0.2 10.96.0.10
enddump
counts "$N"
flows node1
say outside drops: the tunnel is cut
t ip netns exec node2 iptables -A INPUT -p udp --dport 4789 -m conntrack --ctstate NEW -j DROP
for n in 1 2; do ip netns exec node$n conntrack -F 2>/dev/null; done
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.2
counts "ip netns exec node2 iptables"
t ip netns exec node2 iptables -F
t ip netns exec node1 iptables -A OUTPUT -p udp --dport 4789 -j DROP
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.2
counts "ip netns exec node1 iptables"
t "ip -n node1 -s link show vxlan.calico | grep -A1 TX:"
say and REJECT there tells nobody in the pod
t ip netns exec node1 iptables -R OUTPUT 1 -p udp --dport 4789 -j REJECT
t ip netns exec pod1 ping -c 1 -W 0.3 192.168.2.2
