# The conntrack command after pings through NAT: filters, changes, timeouts that run down
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
C() { R "conntrack $1 2>&1 | sed -E 's/ id=[0-9]*//g;s/(icmp +1|udp +17|tcp +6|src) ([0-9]+)/\1 T/' | sort"; }
A() { t ip netns exec a "$@"; }
B() { t ip netns exec b "$@"; }
A ping -q -c 1 10.2.0.2 
R iptables -t nat -A PREROUTING -d 10.1.0.99 -j DNAT --to-destination 10.2.0.2
R iptables -t nat -A POSTROUTING -o rb -j SNAT --to-source 10.2.0.77
R ip addr add 10.2.0.77/24 dev rb
R ip addr add 10.1.0.99/24 dev ra
A ping -c 2 -i 0.2 10.1.0.99
C "-L"
C "-L -o extended"
C "-L -p icmp"
C "-L -p tcp"
C "-L -s 10.1.0.2"
C "-L -s 10.1.0.3"
C "-L -d 10.1.0.99"
C "-L -r 10.2.0.2"
C "-L -q 10.2.0.77"
C "-L -n"
C "-L -g"
C "-L -j"
C "-L --src-nat"
C "-L --dst-nat 10.2.0.2"
C "-L --any-nat 10.2.0.2"
C "-L -n 10.2.0.77"
C "-L -m 1"
C "-L -u SEEN_REPLY"
C "-L -u ASSURED"
C "-L -u UNREPLIED"
C "-L -f ipv6"
C "-L -f ipv4"
C "-L dying"
C "-L unconfirmed"
C "-L expect"
C "-L foo"
C "-U -p icmp -m 5"
C "-L"
C "-U -s 10.1.0.2 -m 0x10/0xff"
C "-L -m 0x10/0xf0"
C "-U -s 10.1.0.2 -t 100"
C "-L"
C "-G -p icmp -s 10.1.0.2 -d 10.1.0.99"
C "-G -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 5 -s 10.1.0.2 -d 10.1.0.99"
R conntrack -C
C "-D -s 9.9.9.9"
C "-D -p icmp"
C "-L"
R conntrack -C
C "-I -p udp -s 10.1.0.2 -d 10.2.0.2 --sport 1000 --dport 2000 -t 50"
C "-I -p udp -s 10.1.0.2 -d 10.2.0.2 --sport 1000 --dport 2000 -t 50"
C "-I -p tcp -s 10.1.0.2 -d 10.2.0.2 --sport 1000 --dport 2000 -t 50 --state ESTABLISHED -u SEEN_REPLY,ASSURED"
C "-I -p tcp -s 10.1.0.2 -d 10.2.0.3 --sport 1000 --dport 2000 -t 50"
C "-I -p tcp -s 10.1.0.2 -d 10.2.0.3 --sport 1000 --dport 2000 -t 50 --state NONE --dst-nat 10.2.0.2:80"
C -L
C '-L -p udp'
C "-G -p udp -s 10.1.0.2 -d 10.2.0.2 --sport 1000 --dport 2000"
sleep 2
C "-G -p udp -s 10.1.0.2 -d 10.2.0.2 --sport 1000 --dport 2000"
C "-D -p udp --sport 1000"
C "-D"
R conntrack -F
C "-L"
R conntrack
R conntrack -h -L
R conntrack -X
C "-L -p foo"
C "-L --sport 5"
C "-L -s 10.1.0.0/24"
C "-L -s x"
R conntrack -Z
R conntrack -V
R conntrack -E -e FOO
say events
A ping -q -c 1 10.1.0.99
sleep 3
R "conntrack -L 2>/dev/null | awk '{print (\$3 > 28 ? \"fresh\" : \$3 > 5 ? \"older\" : \$3 > 3 ? \"5 s\" : \"soon over\")}' | sort"
R cat /proc/sys/net/netfilter/nf_conntrack_count
R sysctl net.netfilter.nf_conntrack_icmp_timeout=5
A ping -q -c 1 10.1.0.99
R "conntrack -L 2>/dev/null | awk '{print (\$3 > 28 ? \"fresh\" : \$3 > 5 ? \"older\" : \$3 > 3 ? \"5 s\" : \"soon over\")}' | sort"
sleep 6
C "-L"
R sysctl net.netfilter.nf_conntrack_max
R sysctl net.netfilter.nf_conntrack_count
R sysctl net.netfilter.nf_conntrack_buckets
R iptables -t nat -vnL
