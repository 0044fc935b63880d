# Connections that are refused: RST, every REJECT, a rule that drops, no route, with and without translation
# area: netfilter
# frames: no — ports, sequence numbers and time stamps of TCP are drawn
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
# curl polls: an ICMP error about the first SYN ends it at once, so that -m 0.8 is enough.
K() { A "curl -s -m 0.8 $1; echo \$?"; sleep 1.1; }
CT() { R "conntrack -L 2>/dev/null | sed -E 's/sport=[3-6][0-9]{4}/sport=P/g;s/dport=[3-6][0-9]{4}/dport=P/g;s/(tcp +6) [0-9]+/\1 T/' | sort"; }
K http://10.2.0.2/
R iptables -t nat -A POSTROUTING -o rb -j MASQUERADE
K http://10.2.0.2/
CT
for k in icmp-port-unreachable icmp-net-unreachable icmp-host-unreachable icmp-proto-unreachable icmp-net-prohibited icmp-host-prohibited icmp-admin-prohibited; do
    R iptables -A FORWARD -p tcp --dport 82 -j REJECT --reject-with $k
    K http://10.2.0.2:82/
    R iptables -F FORWARD
done
R iptables -A FORWARD -p tcp --dport 83 -j REJECT --reject-with tcp-reset
dump a a -i eth0 -nn -S tcp
K http://10.2.0.2:83/
enddump
R iptables -A FORWARD -p tcp --dport 84 -j DROP
t 'exec ip netns exec a curl -s -m 1.5 http://10.2.0.2:84/ & sleep 0.5; ip netns exec a ss -Htan | sed -E "s/:[0-9]{5} +/:P /"; wait; ip netns exec a ss -Htan'
K http://10.5.5.5/
R ip route add unreachable 10.6.0.0/16
K http://10.6.0.1/
R ip route add prohibit 10.7.0.0/16
K http://10.7.0.1/
R ip route add blackhole 10.8.0.0/16
K http://10.8.0.1/
R iptables -t nat -A PREROUTING -p tcp --dport 90 -j DNAT --to-destination 10.2.0.2:91
R iptables -A FORWARD -p tcp --dport 91 -m conntrack --ctorigdstport 90 -j REJECT --reject-with tcp-reset
K http://10.1.0.1:90/
R iptables -vnL FORWARD
R iptables -t nat -A OUTPUT -p tcp --dport 92 -j REDIRECT --to-ports 93
R "curl -s -m 0.8 http://10.2.0.2:92/; echo \$?"
R iptables -I OUTPUT -p tcp --dport 94 -j REJECT --reject-with icmp-host-prohibited
R "curl -s -m 0.8 http://10.2.0.2:94/; echo \$?"
R iptables -I OUTPUT -p tcp --dport 95 -j DROP
R "curl -s -m 0.8 http://10.2.0.2:95/; echo \$?"
CT
