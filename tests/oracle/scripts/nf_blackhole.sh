# Rules that drop ICMP make blackholes: where the error dies, and who goes on sending what is too long
# area: netfilter
ns a r1 r2 b
pair a e0 02:00:00:00:00:0a r1 e0 02:00:00:00:01:00
pair r1 e1 02:00:00:00:01:01 r2 e0 02:00:00:00:02:00
pair r2 e1 02:00:00:00:02:01 b e0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0
ip -n r1 addr add 10.0.0.254/24 dev e0
ip -n r1 addr add 10.0.1.1/24 dev e1
ip -n r2 addr add 10.0.1.2/24 dev e0
ip -n r2 addr add 10.0.2.254/24 dev e1
ip -n b addr add 10.0.2.2/24 dev e0
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.0.2.254
ip -n r1 route add 10.0.2.0/24 via 10.0.1.2
ip -n r2 route add 10.0.0.0/24 via 10.0.1.1
for n in r1 r2; do sys $n net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0; done
ip -n r2 link set e1 mtu 1300
ip -n b link set e0 mtu 1300
p() { t ip netns exec a ping -c 1 -W 0.3 "$@" 10.0.2.2; }
big() { p -M do -s 1400; p -M do -s 1272; t ip -n a route get 10.0.2.2; }
drops() { t "ip netns exec $1 iptables -vnxL $2 | sed -E 's/ +/ /g'"; }
p
say it dies where it is made
t ip netns exec r2 iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP
big
drops r2 OUTPUT
t ip netns exec r2 iptables -F
say on its way
t ip netns exec r1 iptables -A FORWARD -p icmp --icmp-type 3/4 -j DROP
big
drops r1 FORWARD
t ip netns exec r1 iptables -F
say where it was to be heard
t ip netns exec a iptables -A INPUT -p icmp ! --icmp-type echo-reply -j DROP
big
drops a INPUT
t ip netns exec a iptables -F
say a firewall that lets RELATED through
t ip netns exec r1 iptables -P FORWARD DROP
t ip netns exec r1 iptables -A FORWARD -i e0 -j ACCEPT
t ip netns exec r1 iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
big
t ip netns exec r1 iptables -A FORWARD -m conntrack --ctstate RELATED -j ACCEPT
big
drops r1 FORWARD
t ip -n a route flush cache
say what is not tracked has no relations
t ip netns exec r1 iptables -t raw -A PREROUTING -j NOTRACK
t ip netns exec r1 iptables -A FORWARD -p icmp --icmp-type echo-reply -j ACCEPT
big
drops r1 FORWARD
say DF taken off, the routers may cut
p -M dont -s 1400
say the error as REJECT has it is no such error
t ip netns exec r1 iptables -F FORWARD
t ip netns exec r1 iptables -P FORWARD ACCEPT
t ip netns exec r1 iptables -t raw -F
t ip netns exec r2 iptables -A FORWARD -m length --length 1301: -j REJECT --reject-with icmp-net-unreachable
big
