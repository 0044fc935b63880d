# Errors about translated packets: TTL, MTU, REJECT, prohibited routes, a host that is gone
# area: netfilter
ns a r b
pair a eth0 02:00:00:00:00:0a r ra 02:00:00:00:00:1a
pair b eth0 02:00:00:00:00:0b r rb 02:00:00:00:00:1b
for i in a.eth0 b.eth0 r.ra r.rb; do sys ${i%.*} net.ipv4.neigh.${i#*.}.delay_first_probe_time=60; done
ip -n a addr add 10.1.0.2/24 dev eth0; ip -n a route add default via 10.1.0.1
ip -n b addr add 10.2.0.2/24 dev eth0; ip -n b route add default via 10.2.0.1
ip -n r addr add 10.1.0.1/24 dev ra; ip -n r addr add 10.2.0.1/24 dev rb
sys r net.ipv4.ip_forward=1
R() { t ip netns exec r "$@"; }
A() { t ip netns exec a "$@"; }
B() { t ip netns exec b "$@"; }
A ping -q -c 1 10.2.0.2 
say ttl, pmtu, errors through nat
ns c
pair b eth1 02:00:00:00:01:0b c eth0 02:00:00:00:00:0c
ip -n c addr add 10.3.0.2/24 dev eth0; ip -n b addr add 10.3.0.1/24 dev eth1; ip netns exec b sysctl -qw net.ipv4.ip_forward=1
ip -n c route add default via 10.3.0.1
R ip route add default via 10.2.0.2
ip -n b route del default
CT() { R "conntrack -L 2>/dev/null | sed 's/ id=[0-9]*//g;s/icmp *1 [0-9]*/icmp/' | sort"; }
R iptables -t nat -A POSTROUTING -o rb -j MASQUERADE
R iptables -t nat -A PREROUTING -d 10.99.0.1 -j DNAT --to-destination 10.3.0.2
R iptables -A FORWARD -m conntrack --ctstate RELATED -j ACCEPT
R iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
R iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
dump a a -i eth0 -nn -v icmp
dump rb r -i rb -nn -v icmp
A ping -c 1 -W 0.3 10.99.0.1
A ping -c 1 -t 1 -W 0.3 10.99.0.1
A ping -c 1 -t 2 -W 0.3 10.99.0.1
A ping -c 1 -t 3 -W 0.3 10.99.0.1
A ping -c 1 -t 2 -W 0.3 10.3.0.2
A ping -c 1 -W 0.3 10.4.0.2
ip -n b link set eth1 mtu 1300
A ping -c 2 -i 0.2 -M do -s 1400 -W 0.3 10.99.0.1
A ip route get 10.99.0.1
A ping -c 1 -M do -s 1400 -W 0.3 10.3.0.2
A ip route get 10.3.0.2
R ip route get 10.3.0.2
A ping -c 1 -s 3000 -W 0.3 10.99.0.1
enddump
CT
R iptables -vnL FORWARD
R ip route get 10.3.0.2
say reject behind nat
t ip netns exec c iptables -A INPUT -p icmp -j REJECT --reject-with icmp-admin-prohibited
A ping -c 1 -W 0.3 10.99.0.1
t ip netns exec c iptables -F
t ip netns exec b ip route add prohibit 10.3.0.2/32
A ping -c 1 -W 0.3 10.99.0.1
t ip netns exec b ip route del prohibit 10.3.0.2/32
t ip netns exec c ip link set eth0 down
sleep 0.3
A ping -c 1 -W 2 10.99.0.1
A ping -c 2 -W 4 10.99.0.1
R iptables -vnL FORWARD
R "conntrack -S | sed 's/search_restart.*//'"
