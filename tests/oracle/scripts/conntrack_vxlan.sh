# Connections around a tunnel: the inner flow, and the outer datagrams each way (F98, F99, F197)
# area: netfilter
ns node1 node2 pod1 pod2
pair node1 eth0 02:00:00:00:00:01 node2 eth0 02:00:00:00:00:02
for n in 1 2; do
    ip -n node$n addr add 10.0.0.$n/24 dev eth0
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
    for chain in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do
        for state in NEW ESTABLISHED; do
            ip netns exec node$n iptables -t mangle -A $chain -p udp --dport 4789 -m conntrack --ctstate $state
            ip netns exec node$n iptables -t mangle -A $chain -p icmp -m conntrack --ctstate $state
        done
    done
done
t ip netns exec pod1 ping -c 3 -i 0.2 192.168.2.2
for n in 1 2; do
    t "ip netns exec node$n conntrack -L 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/^([a-z]+ +[0-9]+) [0-9]+ /\1 T /; s/sport=[0-9]{5} dport=4789/sport=P dport=4789/; s/sport=4789 dport=[0-9]+/sport=4789 dport=P/' | sort"
    for chain in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do
        t "ip netns exec node$n iptables -t mangle -vnxL $chain | sed -E 's/ +/ /g'"
    done
done
say not tracked
for n in 1 2; do
    ip netns exec node$n conntrack -F 2>/dev/null
    for chain in PREROUTING OUTPUT; do
        t ip netns exec node$n iptables -t raw -A $chain -p udp --dport 4789 -j NOTRACK
    done
done
t ip netns exec pod1 ping -c 1 192.168.2.2
t "ip netns exec node1 conntrack -L 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/^([a-z]+ +[0-9]+) [0-9]+ /\1 T /'"
