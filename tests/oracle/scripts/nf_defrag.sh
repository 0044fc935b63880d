# Fragments are joined before raw sees them where connections are tracked, in a tunnel and outside; NAT of what came in pieces (F92, F173)
# area: netfilter
ns node out pod
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
pair pod eth0 02:00:00:00:01:01 node veth1 02:00:00:00:02:01
ip -n node addr add 10.0.0.10/24 dev eth0
ip -n out addr add 10.0.0.11/24 dev eth0
ip -n out route add default via 10.0.0.10
ip -n node addr add 10.1.0.1/24 dev veth1
ip -n pod addr add 10.1.0.2/24 dev eth0
ip -n pod route add default via 10.1.0.1
sys node net.ipv4.ip_forward=1
I='ip netns exec node iptables'
counts() { t "$I -t $1 -vnxL $2 | sed -E 's/ +/ /g'"; }
for table in raw mangle; do
    t $I -t $table -A PREROUTING -p icmp -f
    t $I -t $table -A PREROUTING -p icmp ! -f
done
say nobody tracks
t ip netns exec pod ping -c 1 -s 3000 -M dont 10.0.0.11
counts raw PREROUTING
counts mangle PREROUTING
say somebody does
t $I -A INPUT -m conntrack --ctstate NEW
t $I -t raw -Z
t $I -t mangle -Z
t ip netns exec pod ping -c 1 -s 3000 -M dont 10.0.0.11
counts raw PREROUTING
counts mangle PREROUTING
say NAT: both ways the pieces are joined, translated and cut
t $I -t nat -A POSTROUTING -o eth0 -j MASQUERADE
t $I -t nat -A PREROUTING -d 10.96.0.10 -j DNAT --to-destination 10.0.0.11
dump wire out -i eth0 -n -t -v icmp
t ip netns exec pod ping -c 1 -s 3000 -M dont 10.96.0.10
enddump
say what is not tracked is joined all the same
t $I -t raw -F
t $I -t raw -A PREROUTING -p icmp -f
t $I -t raw -A PREROUTING -p icmp ! -f
t $I -t raw -A PREROUTING -j NOTRACK
t ip netns exec pod ping -c 1 -s 3000 -M dont 10.0.0.11
counts raw PREROUTING
t $I -t raw -F
say a tunnel that is cut outside: the pieces of the outer datagram are joined too
for n in node out; do
    ip -n $n link add vx0 type vxlan id 5 remote 10.0.0.$([ $n = node ] && echo 11 || echo 10) dstport 4789
    ip -n $n link set vx0 address 66:00:00:00:00:0$([ $n = node ] && echo 1 || echo 2) mtu 1500
    ip -n $n addr add 10.9.0.$([ $n = node ] && echo 1 || echo 2)/24 dev vx0
    ip -n $n link set vx0 up
done
ip -n out route replace default via 10.9.0.1 dev vx0
t $I -t nat -F
t $I -t raw -A PREROUTING -p udp -f
t $I -t raw -A PREROUTING -p udp ! -f
t $I -t raw -A PREROUTING -p icmp -f
t $I -t raw -A PREROUTING -p icmp ! -f
t ip netns exec pod ping -c 1 -s 3000 -M dont 10.9.0.2
counts raw PREROUTING
