# Reverse path, martians and NAT; which options of NAT's targets are taken
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
say rp_filter
CT() { R "conntrack -L 2>/dev/null | sed 's/ id=[0-9]*//g;s/icmp *1 [0-9]*/icmp/' | sort"; }
R iptables -t raw -A PREROUTING -m rpfilter -j ACCEPT
R iptables -t raw -A PREROUTING -m rpfilter --invert -j DROP
R iptables -t raw -A PREROUTING -m rpfilter --loose
R iptables -A INPUT -m rpfilter
R iptables -t raw -S
ip -n a addr add 172.16.0.1/32 dev lo
A ping -c 1 -W 0.3 -I 172.16.0.1 10.2.0.2
R iptables -t raw -vnL PREROUTING
R iptables -t raw -F
A ping -c 1 -W 0.3 -I 172.16.0.1 10.2.0.2
CT
R sysctl -w net.ipv4.conf.ra.rp_filter=1 net.ipv4.conf.all.log_martians=1
A ping -c 1 -W 0.3 -I 172.16.0.1 10.2.0.2
CT
R iptables -t nat -A PREROUTING -s 172.16.0.1 -j DNAT --to-destination 10.2.0.2
R conntrack -F
A ping -c 1 -W 0.3 -I 172.16.0.1 10.2.0.99
CT
R sysctl -w net.ipv4.conf.ra.rp_filter=2
R ip route add default via 10.2.0.2
A ping -c 1 -W 0.3 -I 172.16.0.1 10.2.0.99
R conntrack -F
say martian after dnat
R iptables -t nat -F
R iptables -t nat -A PREROUTING -d 10.2.0.2 -j DNAT --to-destination 127.0.0.1
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t nat -F
R iptables -t nat -A PREROUTING -d 10.2.0.2 -j DNAT --to-destination 255.255.255.255
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t nat -F
R iptables -t nat -A PREROUTING -d 10.2.0.2 -j DNAT --to-destination 224.0.0.1
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t nat -F
R iptables -t nat -A PREROUTING -d 10.2.0.2 -j DNAT --to-destination 10.1.0.2
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t nat -F
R iptables -t nat -A POSTROUTING -o rb -j SNAT --to-source 10.9.9.1-10.9.9.3
R iptables -t nat -A POSTROUTING -o ra -j SNAT --to-source 10.9.9.1:1024-65535
R iptables -t nat -A POSTROUTING -p tcp -o ra -j SNAT --to-source :1024-65535
R iptables -t nat -A POSTROUTING -o ra -j SNAT --to-source 10.9.9.1 --random --persistent
R iptables -t nat -A POSTROUTING -o ra -j SNAT
R iptables -t nat -A POSTROUTING -o ra -j MASQUERADE --to-ports 5
R iptables -t nat -A POSTROUTING -p udp -o ra -j MASQUERADE --to-ports 5-6 --random-fully
R iptables -t nat -A PREROUTING -j SNAT --to-source 1.1.1.1
R iptables -t nat -A OUTPUT -j MASQUERADE
R iptables -t filter -A FORWARD -j MASQUERADE
R iptables -t nat -A POSTROUTING -j DNAT --to-destination 1.1.1.1
R iptables -t nat -A PREROUTING -j DNAT --to-destination 1.1.1.1 --to-destination 1.1.1.2
R iptables -t nat -A PREROUTING -p tcp -j DNAT --to-destination 1.1.1.1:80-90/100
R iptables -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports http
R iptables -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 90-80
R iptables -t nat -A PREROUTING -j REDIRECT --to-ports 90
R iptables -t nat -A PREROUTING -p icmp -j REDIRECT --to-ports 90
R iptables -t nat -A PREROUTING -d 1.0.0.0/8 -j NETMAP --to 2.0.0.0/8
R iptables -t nat -A PREROUTING -j DROP
R iptables -t nat -S
R iptables -t nat -vnL
R conntrack -F
A ping -c 1 -W 0.3 10.2.0.2
R ip route add 10.9.9.0/24 via 10.1.0.2
B ip route add 10.9.9.0/24 via 10.2.0.1
A ping -c 1 -W 0.3 10.2.0.2
