# DNAT and REDIRECT of what the router sends itself, hairpin, route_localnet, marks and policy routing, devices that go down
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
say dnat local, fwmark, policy, hairpin
ns c
pair c eth0 02:00:00:00:00:0c r rc 02:00:00:00:00:1c
ip -n c addr add 10.3.0.2/24 dev eth0; ip -n c route add default via 10.3.0.1
ip -n r addr add 10.3.0.1/24 dev rc
CT() { R "conntrack -L 2>/dev/null | sed 's/ id=[0-9]*//g;s/icmp *1 [0-9]*/icmp/' | sort"; }
R iptables -t nat -A OUTPUT -d 10.96.0.1 -j DNAT --to-destination 10.2.0.2
R ip route get 10.96.0.1
R ping -c 1 -W 0.3 10.96.0.1
R ip route add default via 10.3.0.2
R ping -c 1 -W 0.3 10.96.0.1
CT
R iptables -t nat -A OUTPUT -d 10.1.0.1 -j DNAT --to-destination 10.2.0.2
R ping -c 1 -W 0.3 10.1.0.1
CT
R iptables -t nat -A OUTPUT -d 127.0.0.5 -j DNAT --to-destination 10.2.0.2
R ping -c 1 -W 0.3 127.0.0.5
R sysctl -w net.ipv4.conf.all.route_localnet=1
R ping -c 1 -W 0.3 127.0.0.5
R iptables -t nat -A POSTROUTING -s 127.0.0.0/8 -o rb -j MASQUERADE
R conntrack -F
R ping -c 1 -W 0.3 127.0.0.5
CT
R iptables -t nat -F
R conntrack -F
say route_localnet from outside
R iptables -t nat -A PREROUTING -d 10.1.0.1 -j DNAT --to-destination 127.0.0.1
A ping -c 1 -W 0.3 10.1.0.1
R sysctl -w net.ipv4.conf.all.route_localnet=0
A ping -c 1 -W 0.3 10.1.0.1
R iptables -t nat -F
R conntrack -F
R iptables -t nat -A PREROUTING -d 10.2.0.2 -j REDIRECT
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t nat -A OUTPUT -d 10.2.0.2 -j REDIRECT
R ping -c 1 -W 0.3 10.2.0.2
CT
R iptables -t nat -vnL
R iptables -t nat -F
R conntrack -F
say hairpin
R iptables -t nat -A PREROUTING -d 10.1.0.100 -j DNAT --to-destination 10.1.0.2
R ip addr add 10.1.0.100/32 dev lo
A ping -c 1 -W 0.3 10.1.0.100
CT
R iptables -t nat -A POSTROUTING -s 10.1.0.2 -d 10.1.0.2 -j MASQUERADE
R conntrack -F
A ping -c 1 -W 0.3 10.1.0.100
CT
R iptables -t nat -F
R conntrack -F
say fwmark
R ip rule add fwmark 1 table 100
R ip route add default via 10.3.0.2 table 100
R iptables -t mangle -A OUTPUT -d 10.2.0.2 -j MARK --set-mark 1
R iptables -t nat -A POSTROUTING -o rc -j SNAT --to-source 10.3.0.1
C() { t ip netns exec c "$@"; }
ip netns exec c sysctl -qw net.ipv4.ip_forward=1
ip -n c addr add 10.2.0.2/32 dev lo
dump c c -i eth0 -nn icmp
R ping -c 1 -W 0.3 10.2.0.2
CT
R iptables -t mangle -A PREROUTING -i ra -d 10.2.0.2 -j MARK --set-mark 1
A ping -c 1 -W 0.3 10.2.0.2
CT
R iptables -t mangle -vnL
R iptables -t nat -vnL POSTROUTING
enddump
R ip rule add pref 50 fwmark 0x2/0xf lookup 101
R ip route add prohibit default table 101
R iptables -t mangle -I PREROUTING -i ra -d 10.2.0.2 -j MARK --set-mark 0x12
R iptables -t mangle -I PREROUTING 2 -i ra -m mark --mark 0x12 -j RETURN
A ping -c 1 -W 0.3 10.2.0.2
R ip route get 10.2.0.2 mark 0x12
R ip route get 10.2.0.2 from 10.1.0.2 iif ra mark 0x12
R iptables -t mangle -F
R conntrack -F
R iptables -t nat -F
say masquerade, interface down
R iptables -t nat -A POSTROUTING -o rb -j MASQUERADE
A ping -c 1 -W 0.3 10.2.0.2
CT
R ip link set rb down
CT
R ip link set rb up
R ip addr add 10.2.0.50/24 dev rb
sleep 1.2
A ping -c 1 -W 0.3 10.2.0.2
CT
R ip addr del 10.2.0.50/24 dev rb
CT
R ip addr del 10.2.0.1/24 dev rb
CT
R ip addr add 10.2.0.9/24 dev rb
A ping -c 1 -W 0.3 10.2.0.2
CT
R ip addr flush dev rb
CT
A ping -c 1 -W 0.3 10.2.0.2
CT
R iptables -t nat -vnL POSTROUTING
