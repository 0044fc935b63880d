# Sets under rules: references, destroying, swapping, timeouts, SET and set in filter, nat and mangle
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
say ipset
R ipset create s hash:ip initval 0x5 timeout 0
R ipset add s 10.1.0.2 timeout 5
R ipset create t hash:ip initval 0x5 timeout 0
R ipset create ipp hash:ip,port initval 0x5
R ipset create l list:set
R ipset add l s
R iptables -A FORWARD -m set --match-set s src -j DROP
R iptables -A FORWARD -m set --match-set nope src -j DROP
R iptables -A FORWARD -m set '!' --match-set t src,dst -j ACCEPT
R iptables -A FORWARD -m set --match-set t src,src,src -j ACCEPT
R iptables -A FORWARD -m set --match-set t foo -j ACCEPT
R iptables -A FORWARD -m set --match-set t -j ACCEPT
R iptables -A FORWARD -m set --match-set t src --return-nomatch -j ACCEPT
R iptables -A FORWARD -m set --match-set t src '!' --update-counters --packets-gt 5 -j ACCEPT
R iptables -A FORWARD -m set --match-set ipp dst,dst -j ACCEPT
R iptables -t nat -A PREROUTING -m set --match-set t dst -j DNAT --to-destination 10.2.0.2
R iptables -t nat -A POSTROUTING -m set --match-set s src -j MASQUERADE
R iptables -S FORWARD
R iptables -nL FORWARD
R "ipset list -t | grep -v Size"
R ipset destroy s
R ipset destroy t
R ipset destroy
R ipset destroy nope
R ipset rename s u
R ipset swap s t
R "ipset list s | grep -v Size"
R "ipset list t | grep -v Size | sed 's/timeout [45]/timeout X/'"
R ipset swap s t
A ping -c 1 -W 0.3 10.2.0.2
R iptables -vnL FORWARD
sleep 6
R "ipset list s | grep -v Size"
A ping -c 1 -W 0.3 10.2.0.2
R ipset flush s
R ipset add t 10.9.9.9
R ip addr add 10.9.9.9/32 dev lo
A ping -c 1 -W 0.3 10.9.9.9
R iptables -t nat -vnL
R "conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp +1 [0-9]*/icmp/' | sort"
R ipset test s 10.1.0.2
R ipset add s 10.1.0.2
R ipset test s 10.1.0.2
R ipset add s 10.1.0.2
R ipset -exist add s 10.1.0.2
R ipset del s 10.1.0.3
R ipset add s 10.1.0.0/30
R "ipset list s -s | grep -v Size"
R "ipset save | grep -v '^create' | sort"
R ipset list -n
R ipset add ipp 10.1.0.2,tcp:80
R ipset add ipp 10.1.0.2,80-82
R ipset add ipp 10.1.0.2,icmp:ping
R ipset add ipp 10.1.0.2
R "ipset list ipp -s| grep -v Size"
R iptables -I FORWARD -p icmp -m set --match-set ipp src,dst -j LOG --log-prefix "'ipp: '"
R iptables -A FORWARD -j SET --add-set t src --exist --timeout 60
R iptables -A FORWARD -j SET --add-set nope src
R iptables -A FORWARD -j SET --del-set t dst
R iptables -t mangle -A FORWARD -j SET --add-set l src
R iptables -t mangle -A POSTROUTING -m mark --mark 0x77
A ping -c 1 -W 0.3 10.2.0.2
R iptables -t mangle -vnL
R iptables -vnL FORWARD
R "ipset list t -s | grep -v Size"
R iptables -F
R iptables -t nat -F
R iptables -t mangle -F
R "ipset list -t -o save"
R ipset destroy s
R ipset flush l
R ipset destroy
R ipset list
R ipset list nope
R iptables-legacy -A FORWARD -m set --match-set s src -j DROP
R ipset create s hash:ip initval 0x5
R iptables-legacy -A FORWARD -m set --match-set s src -j DROP
R iptables-legacy -A FORWARD -m set --match-set s src,dst -j DROP
R iptables-legacy -A FORWARD -m set --set s src -j DROP
R iptables -A FORWARD -m set --set s src -j DROP
R iptables-legacy -S FORWARD
R ipset destroy s
R ipset list s
