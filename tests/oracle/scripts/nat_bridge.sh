# frames of a bridge meet iptables: br_netfilter
# area: netfilter
# frames: no — a bridge that snoops joins 224.0.0.106, and podwire sends no IGMP
modprobe br_netfilter 2>/dev/null
ns node pod1 pod2
ip -n node link add cni0 address 02:00:00:00:02:00 type bridge
ip -n node link set cni0 up
ip -n node addr add 10.244.0.1/24 dev cni0
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    ip -n node link set veth$n master cni0
    ip -n pod$n addr add 10.244.0.1$n/24 dev eth0
    ip -n pod$n route add default via 10.244.0.1
done
sys node net.ipv4.ip_forward=1
sleep 1.2
flows() { t "ip netns exec node conntrack -L -p icmp 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/^(icmp +1) [0-9]+/\1 T/' | sort"; }
I='ip netns exec node iptables'
t $I -t nat -A PREROUTING -d 10.96.0.10 -j DNAT --to-destination 10.244.0.12
t $I -t raw -A PREROUTING -i cni0 -p icmp
t $I -A FORWARD -i cni0 -o cni0 -p icmp
t $I -A FORWARD -i veth1 -p icmp
t $I -t mangle -A POSTROUTING -o cni0 -p icmp
for call in 0 1; do
    say call $call
    t ip netns exec node sysctl -w net.bridge.bridge-nf-call-iptables=$call
    dump pod2 pod2 -i eth0 -n -t -e icmp
    dump pod1 pod1 -i eth0 -n -t -e icmp
    t ip netns exec pod1 ping -c 1 10.244.0.12
    t ip netns exec pod1 ping -c 1 10.244.0.1
    t ip netns exec pod1 ping -c 2 -i 0.2 10.96.0.10
    enddump
    flows
    t $I -t raw -vnL PREROUTING
    t $I -vnL FORWARD
    t $I -t mangle -vnL POSTROUTING
    $I -t raw -Z; $I -Z; $I -t mangle -Z
    t ip netns exec node conntrack -F
done
say the bridge masquerades
t $I -t nat -A POSTROUTING -d 10.244.0.12 -j MASQUERADE
dump pod2 pod2 -i eth0 -n -t -e icmp
t ip netns exec pod1 ping -c 1 10.244.0.12
enddump
t $I -t nat -D POSTROUTING 1
say fragments are joined, and leave as they came
dump pod2 pod2 -i eth0 -n -t icmp
t ip netns exec pod1 ping -c 1 -s 3000 10.244.0.12
enddump
say a port that takes less: cut anew, unless DF is set
ip -n node link set veth2 mtu 1000
ip -n pod2 link set eth0 mtu 1000
dump pod2 pod2 -i eth0 -n -t icmp
t ip netns exec pod1 ping -c 1 -M dont -s 1200 -W 0.5 10.244.0.12
t ip netns exec pod1 ping -c 1 -M do -s 1200 -W 0.5 10.244.0.12
enddump
say DROP in FORWARD, and a node that does not forward
t $I -A FORWARD -j DROP
t ip netns exec pod1 ping -c 1 -W 0.3 10.244.0.12
t $I -D FORWARD -j DROP
sys node net.ipv4.ip_forward=0
t ip netns exec pod1 ping -c 1 -W 0.3 10.96.0.10
t ip netns exec pod1 ping -c 1 10.244.0.12
