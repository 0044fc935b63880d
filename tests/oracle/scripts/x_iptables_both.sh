# iptables-legacy and iptables-nft side by side, with traffic
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
say legacy with traffic, and both variants
L() { t ip netns exec r iptables-legacy "$@"; }
L -t nat -A POSTROUTING -o rb -j MASQUERADE
L -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
L -A FORWARD -i ra -p icmp -j ACCEPT
L -P FORWARD DROP
A ping -c 2 -i 0.2 -W 0.3 10.2.0.2
L -vnL
L -t nat -vnL
R iptables -A FORWARD -p icmp -j DROP
A ping -c 2 -i 0.2 -W 0.3 10.2.0.2
L -vnL FORWARD
R iptables -vnL FORWARD
R iptables -F
A ping -c 1 -W 0.3 10.2.0.2
L -Z FORWARD
L -vnL FORWARD
L -t mangle -L -n
L -t raw -A PREROUTING -j NOTRACK
R conntrack -F
A ping -c 1 -W 0.3 10.2.0.2
L -vnL FORWARD
R "conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp +1 [0-9]*/icmp/' | sort"
L -t raw -F
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t nat -A POSTROUTING -o rb -j SNAT --to-source 10.2.0.1
R conntrack -F
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t nat -vnL POSTROUTING
L -t nat -vnL POSTROUTING
R iptables -t nat -F
R iptables -t nat -X
R iptables -X
R iptables -P FORWARD DROP
R iptables -X
R iptables -S
R iptables -P FORWARD ACCEPT
R iptables -X
R iptables -vnL
R "iptables-legacy-save -c | iptables-legacy-restore -c; iptables-legacy-save -c | grep -v '^#'"
R "iptables-legacy-save | iptables-restore; iptables-save | grep -v '^#'"
A ping -c 1 -W 0.3 10.2.0.2
R iptables -vnL FORWARD
R iptables -Z FORWARD 1
R iptables -Z FORWARD 2
A ping -c 1 -W 0.3 10.2.0.2
R iptables -vnL FORWARD
R iptables -L FORWARD 1 -vn
R iptables -S FORWARD 1 -v
R iptables -R FORWARD 1 -s 10.1.0.0/24 -j ACCEPT
R iptables -vnL FORWARD
R iptables -R FORWARD 1 -c 5 6 -s 10.1.0.0/24 -j ACCEPT
R iptables -I FORWARD 2 -c 7 8 -j ACCEPT
R iptables -D FORWARD -c 7 8 -j ACCEPT
R iptables -vnL FORWARD
