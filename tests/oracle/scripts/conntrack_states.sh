# Connection states that rules see: forwarded, local, over lo, errors, untracked, zones (F170, F172, F174, F198, F199)
# area: netfilter
ns node out pod1 pod2
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
ip -n node addr add 10.0.0.10/24 dev eth0
ip -n out addr add 10.0.0.11/24 dev eth0
ip -n out route add default via 10.0.0.10
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    ip -n node addr add 10.$n.0.1/24 dev veth$n
    ip -n pod$n addr add 10.$n.0.2/24 dev eth0
    ip -n pod$n route add default via 10.$n.0.1
done
sys node net.ipv4.ip_forward=1
I='ip netns exec node iptables'
count() { t "ip netns exec node iptables -t $1 -vnxL $2 | sed -E 's/ +/ /g'"; }
for chain in INPUT OUTPUT FORWARD POSTROUTING PREROUTING; do
    for state in NEW ESTABLISHED RELATED INVALID UNTRACKED; do
        $I -t mangle -A $chain -p icmp -m conntrack --ctstate $state
    done
done
say echo
t ip netns exec pod1 ping -c 3 -i 0.2 10.2.0.2
for chain in PREROUTING FORWARD POSTROUTING INPUT; do count mangle $chain; done
$I -t mangle -Z
say over lo
t ip netns exec node ping -c 2 -i 0.2 10.0.0.10
for chain in OUTPUT POSTROUTING PREROUTING INPUT; do count mangle $chain; done
$I -t mangle -Z
say errors of the node itself
t ip netns exec pod1 ping -c 1 -W 0.5 -t 1 10.2.0.2
ip -n node route add unreachable 10.9.9.0/24
t ip netns exec pod1 ping -c 1 -W 0.5 10.9.9.9
for chain in PREROUTING FORWARD OUTPUT POSTROUTING; do count mangle $chain; done
t ip netns exec node conntrack -C
$I -t mangle -Z
say an error that comes back
ip -n out route add unreachable 10.8.8.0/24
sys out net.ipv4.ip_forward=1
ip -n node route add 10.8.8.0/24 via 10.0.0.11
t ip netns exec pod1 ping -c 1 -W 0.5 10.8.8.8
for chain in PREROUTING FORWARD POSTROUTING; do count mangle $chain; done
t "ip netns exec node conntrack -L 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/ (29|30) / T /' | sort"
$I -t mangle -Z
ip netns exec node conntrack -F 2>/dev/null
say not tracked one way
$I -t raw -A PREROUTING -i veth1 -p icmp -j CT --notrack
t ip netns exec pod1 ping -c 2 -i 0.2 10.2.0.2
for chain in PREROUTING FORWARD; do count mangle $chain; done
t ip netns exec node conntrack -C
$I -t raw -F
$I -t mangle -Z
say in zones
$I -t raw -A PREROUTING -i veth1 -j CT --zone 1
$I -t raw -A PREROUTING -i veth2 -j CT --zone 2
t ip netns exec pod1 ping -c 1 10.2.0.2
for chain in PREROUTING; do count mangle $chain; done
t "ip netns exec node conntrack -L 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/ (29|30) / T /' | sort"
ip netns exec node conntrack -F 2>/dev/null
$I -t raw -F
$I -t mangle -Z
$I -t raw -A PREROUTING -i veth1 -j CT --zone-orig 7
t ip netns exec pod1 ping -c 2 -i 0.2 10.2.0.2
for chain in PREROUTING; do count mangle $chain; done
t "ip netns exec node conntrack -L 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/ (29|30) / T /' | sort"
t "ip netns exec node cat /proc/net/nf_conntrack | sed -E 's/id=[0-9]+/id=N/g; s/ (29|30) / T /' | sort"
