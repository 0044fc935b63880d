# Ids of ping that meet, rules that come late, NETMAP, addresses that nobody answers for
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
say nat errors and oddities
CT() { R "conntrack -L 2>/dev/null | sed 's/ id=[0-9]*//g;s/icmp *1 [0-9]*/icmp/' | sort"; }
say two pings same id through masquerade, forced
R iptables -t nat -A POSTROUTING -p icmp -o rb -j MASQUERADE --to-ports 1-1000
R iptables -t nat -A POSTROUTING -p icmp -o rb -j SNAT --to-source 10.2.0.1:5
R iptables -t nat -A POSTROUTING -o rb -j SNAT --to-source 10.2.0.1 --random
ip -n a addr add 10.1.0.3/24 dev eth0
t 'ip netns exec a ping -e 77 -c 1 -W 0.3 10.2.0.2 | tail -2'
t 'ip netns exec a ping -e 77 -I 10.1.0.3 -c 1 -W 0.3 10.2.0.2 | tail -2'
R "conntrack -L 2>/dev/null | sed -E 's/icmp *1 [0-9]*/icmp/;s/id=[0-9]+ mark/id=M mark/' | sort"
R iptables -t nat -F
R conntrack -F
R iptables -t nat -A POSTROUTING -p icmp -o rb -j MASQUERADE
t 'ip netns exec a ping -e 77 -c 1 -W 0.3 10.2.0.2 | tail -2'
t 'ip netns exec a ping -e 77 -I 10.1.0.3 -c 1 -W 0.3 10.2.0.2 | tail -2'
R "conntrack -L 2>/dev/null | sed -E 's/icmp *1 [0-9]*/icmp/;s/id=[0-9]+ mark/id=M mark/' | sort"
say rule added later, connection goes on
R iptables -t nat -F
R conntrack -F
R iptables -t nat -A PREROUTING -d 10.99.99.99 -j DNAT --to-destination 10.2.0.2
t 'exec ip netns exec a ping -c 5 -i 0.4 -W 0.3 10.2.0.2 > out & sleep 0.5; ip netns exec r iptables -t nat -A POSTROUTING -o rb -j MASQUERADE; wait; tail -3 out'
R iptables -t nat -vnL POSTROUTING
CT
t 'exec ip netns exec a ping -c 5 -i 0.4 -W 0.3 10.2.0.2 > out & sleep 0.5; ip netns exec r conntrack -F; ip netns exec r iptables -t nat -F; wait; tail -3 out'
CT
say input snat, output dnat to local
R iptables -t nat -A INPUT -p icmp -j SNAT --to-source 10.9.9.9
R ip route add 10.9.9.9 via 10.1.0.2
A ping -c 1 -W 0.3 10.1.0.1
CT
R iptables -t nat -F
R conntrack -F
say dnat then filter
R iptables -t nat -A PREROUTING -d 10.1.0.1 -p icmp -j DNAT --to-destination 10.2.0.2
R iptables -A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
R iptables -A FORWARD -m conntrack '!' --ctstate DNAT,SNAT
R iptables -A FORWARD -m conntrack --ctorigdst 10.1.0.1
R iptables -A FORWARD -m conntrack --ctreplsrc 10.2.0.2 --ctdir REPLY
R iptables -A FORWARD -m conntrack --ctstatus SEEN_REPLY
R iptables -A FORWARD -m conntrack --ctexpire 1:40
R iptables -A FORWARD -m conntrack --ctproto icmp
A ping -c 2 -i 0.2 -W 0.3 10.1.0.1
R iptables -vnL FORWARD
R iptables -S FORWARD
CT
R "conntrack -L -o extended 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp +1 [0-9]*/icmp/' | sort"
R "conntrack -L -g 10.2.0.2 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp +1 [0-9]*/icmp/' | sort"
R "conntrack -D -g 10.2.0.2 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp +1 [0-9]*/icmp/' | sort"
R iptables -F
R iptables -t nat -F
say netmap
R iptables -t nat -A PREROUTING -d 10.77.0.0/24 -j NETMAP --to 10.2.0.0/24
R iptables -t nat -A POSTROUTING -s 10.1.0.0/24 -j NETMAP --to 10.78.0.0/24
B ip route add 10.78.0.0/24 via 10.2.0.1
dump b b -i eth0 -nn icmp
A ping -c 1 -W 0.3 10.77.0.2
enddump
CT
R iptables -t nat -F
say src lost: source gone while connection
R conntrack -F
R iptables -t nat -A POSTROUTING -o rb -j SNAT --to-source 10.2.0.200
A ping -c 1 -W 0.3 10.2.0.2
R ip neigh add proxy 10.2.0.200 dev rb
A ping -c 1 -W 0.3 10.2.0.2
B ip neigh flush all
A ping -c 1 -W 0.3 10.2.0.2
R sysctl -w net.ipv4.conf.rb.proxy_arp=1
B ip neigh flush all
A ping -c 1 -W 0.3 10.2.0.2
CT
