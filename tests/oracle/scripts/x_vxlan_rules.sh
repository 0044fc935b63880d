# Rules, translation and errors on the way through a VXLAN tunnel
# area: netfilter
ns p1 n1 n2 p2
pair p1 eth0 02:00:00:00:01:01 n1 v1 02:00:00:00:01:02
pair p2 eth0 02:00:00:00:02:01 n2 v2 02:00:00:00:02:02
pair n1 eth0 02:00:00:00:03:01 n2 eth0 02:00:00:00:03:02
ip -n n1 addr add 192.168.0.1/24 dev eth0; ip -n n2 addr add 192.168.0.2/24 dev eth0
for i in 1 2; do
 ip -n p$i addr add 10.$i.0.2/24 dev eth0; ip -n p$i route add default via 10.$i.0.1
 ip -n n$i addr add 10.$i.0.1/24 dev v$i
 o=$((3-i))
 command ip -n n$i link add vx type vxlan id 5 dstport 4789 srcport 40000 40001 local 192.168.0.$i dev eth0 nolearning
 command ip -n n$i link set vx address 02:00:00:00:05:0$i up mtu 1450
 ip -n n$i addr add 10.$i.255.0/32 dev vx
 ip -n n$i neigh add 10.$o.255.0 lladdr 02:00:00:00:05:0$o dev vx nud permanent
 command bridge -n n$i fdb add 02:00:00:00:05:0$o dev vx dst 192.168.0.$o
 ip -n n$i route add 10.$o.0.0/24 via 10.$o.255.0 dev vx onlink
 sys n$i net.ipv4.ip_forward=1
done
N1() { t ip netns exec n1 "$@"; }
P1() { t ip netns exec p1 "$@"; }
CT() { t "ip netns exec $1 conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp *1 [0-9]*/icmp/; s/(udp +17) [0-9]+/\1 T/;s/sport=[3-6][0-9]{4}/sport=P/g;s/dport=[3-6][0-9]{4}/dport=P/g' | sort"; }
N1 iptables -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.2.0.2
N1 iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
N1 iptables -A OUTPUT -p udp --dport 4789
N1 iptables -t mangle -A POSTROUTING -o vx
N1 iptables -t mangle -A POSTROUTING -o eth0
N1 iptables -t raw -A PREROUTING
P1 ping -c 1 -W 0.5 10.96.0.1
P1 ping -c 2 -i 0.2 -M do -s 1450 -W 0.5 10.96.0.1
P1 ip route get 10.96.0.1
P1 ping -c 1 -M do -s 1422 -W 0.5 10.2.0.2
P1 ping -c 1 -M do -s 1423 -W 0.5 10.2.0.2
P1 ping -c 1 -s 3000 -W 0.5 10.96.0.1
CT n1
CT n2
N1 iptables -vnL
N1 iptables -t mangle -vnL POSTROUTING
N1 iptables -t raw -vnL PREROUTING
N1 iptables -t nat -A POSTROUTING -d 10.2.0.0/24 -j MASQUERADE
N1 conntrack -F
P1 ping -c 1 -W 0.5 10.96.0.1
CT n1
CT n2
N1 ping -c 1 -W 0.5 10.2.0.2
N1 iptables -t nat -A OUTPUT -d 10.96.0.1 -j DNAT --to-destination 10.2.0.2
N1 ip route add default via 192.168.0.2
N1 ping -c 1 -W 0.5 10.96.0.1
CT n1
t ip netns exec n2 iptables -A INPUT -p udp --dport 4789 -j REJECT
P1 ping -c 1 -W 0.5 10.2.0.2
N1 ip -s link show vx
t ip netns exec n2 iptables -F
t ip netns exec n2 iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited
P1 ping -c 1 -W 0.5 10.2.0.2
P1 ping -c 1 -W 0.5 10.96.0.1
N1 iptables -A OUTPUT -p udp --dport 4789 -j DROP
P1 ping -c 1 -W 0.5 10.2.0.2
N1 ip -s link show vx
