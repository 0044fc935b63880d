# Rules on what the router sends and gets itself: policies, owner, ICMP types, lo, TTL, DSCP
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
say counters, quota, owner, etc
R iptables -N IN
R iptables -N OUT
R iptables -A INPUT -j IN
R iptables -A OUTPUT -j OUT
R iptables -A IN -p icmp --icmp-type echo-request -j RETURN
R iptables -A IN -p icmp --icmp-type 3/1
R iptables -A IN -p icmp --icmp-type any
R iptables -A IN -p icmp --icmp-type foo
R iptables -A IN -p icmp --icmp-type 300
R iptables -A IN -p icmp -m icmp
R iptables -A IN --icmp-type 8
R iptables -A OUT -p icmp -m owner --uid-owner 0 -j ACCEPT
R iptables -A OUT -m owner --uid-owner root --gid-owner nogroup
R iptables -A OUT -m owner --uid-owner nosuchuser
R iptables -A OUT -m owner '!' --socket-exists
R iptables -A IN -m owner --uid-owner 0
R iptables -A FORWARD -m owner --uid-owner 0
A ping -c 1 -W 0.3 10.1.0.1
R ping -c 1 -W 0.3 10.1.0.2
R iptables -vnL
R iptables -vL IN --line-numbers
R iptables -L OUT
R iptables -Z IN
R iptables -vnL IN
R iptables -vnL IN -Z
R iptables -vnL OUT -Z
R iptables -vnL OUT
R iptables -P OUTPUT DROP
A ping -c 1 -W 0.3 10.1.0.1
R ping -c 1 -W 0.3 10.2.0.2
R iptables -P OUTPUT ACCEPT
R iptables -D INPUT -j IN
R iptables -X IN
R iptables -F IN
R iptables -X IN
say output drop and reject
R iptables -I OUTPUT -d 10.2.0.2 -j DROP
R ping -c 1 -W 0.3 10.2.0.2
R ping -c 2 -i 0.2 -W 0.3 10.2.0.2
R iptables -R OUTPUT 1 -d 10.2.0.2 -j REJECT
R ping -c 2 -i 0.2 -W 0.3 10.2.0.2
R iptables -R OUTPUT 1 -d 10.2.0.2 -j REJECT --reject-with icmp-host-prohibited
R ping -c 1 -W 0.3 10.2.0.2
R iptables -t mangle -A OUTPUT -d 10.2.0.2 -j DROP
R ping -c 1 -W 0.3 10.2.0.2
R iptables -t mangle -F
R iptables -t mangle -A POSTROUTING -d 10.2.0.2 -j DROP
R iptables -F OUTPUT
R ping -c 1 -W 0.3 10.2.0.2
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t mangle -vnL POSTROUTING
R iptables -t mangle -F
say arp is not filtered, lo is
R ip neigh flush all
R iptables -P INPUT DROP
A ping -c 1 -W 0.3 10.1.0.1
R ping -c 1 -W 0.3 127.0.0.1
R arping -c 1 -w 1 -I ra 10.1.0.2
R iptables -A INPUT -i lo -j ACCEPT
R ping -c 1 -W 0.3 127.0.0.1
R ping -c 1 -W 0.3 10.1.0.1
R iptables -vnL
R iptables -P INPUT ACCEPT
say ttl in nat path, tracepath
R iptables -t mangle -A PREROUTING -i ra -j TTL --ttl-inc 1
A ping -c 1 -t 1 -W 0.3 10.2.0.2
R iptables -t mangle -R PREROUTING 1 -i ra -j TTL --ttl-dec 5
A ping -c 1 -t 6 -W 0.3 10.2.0.2
A ping -c 1 -t 7 -W 0.3 10.2.0.2
R iptables -t mangle -F
R iptables -t mangle -A FORWARD -j DSCP --set-dscp 46
dump b b -i eth0 -nn -v icmp
A ping -c 1 -W 0.3 10.2.0.2
enddump
R iptables -t mangle -A FORWARD -j ECN --ecn-tcp-remove
R iptables -t mangle -A FORWARD -j CLASSIFY --set-class 1:2
R iptables -t mangle -S
