# REJECT with every type at every hook, and what rules count of fragments
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
R iptables -t nat -A POSTROUTING -o rb -j MASQUERADE
CT() { R "conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp +1 [0-9]*/icmp/' | sort"; }
say reject types in forward
for k in icmp-net-unreachable icmp-host-unreachable icmp-proto-unreachable icmp-port-unreachable icmp-net-prohibited icmp-host-prohibited icmp-admin-prohibited tcp-reset; do
  R iptables -I FORWARD -p icmp -j REJECT --reject-with $k
  A ping -c 1 -W 0.3 10.2.0.2
  R iptables -F FORWARD
done
for k in net-unreach host-unreach proto-unreach port-unreach net-prohib host-prohib admin-prohib tcp-rst echo-reply icmp-net; do
  R iptables -I FORWARD -p icmp -j REJECT --reject-with $k
done
R iptables -S FORWARD
R iptables -nL FORWARD
R iptables -F FORWARD
dump a a -i eth0 -nn -v icmp
for k in icmp-net-unreachable icmp-host-unreachable icmp-admin-prohibited; do
  R iptables -I INPUT -p icmp -j REJECT --reject-with $k
  A ping -c 1 -W 0.3 10.1.0.1
  R iptables -F INPUT
  sleep 1.1
done
R iptables -I OUTPUT -p icmp --icmp-type echo-reply -j REJECT --reject-with icmp-net-prohibited
A ping -c 1 -W 0.3 10.1.0.1
R iptables -vnL OUTPUT
R iptables -F OUTPUT
R iptables -I OUTPUT -p icmp -d 10.1.0.2 -j REJECT --reject-with icmp-host-prohibited
R ping -c 1 -W 0.3 10.1.0.2
R iptables -vnL OUTPUT
R iptables -F OUTPUT
R iptables -t mangle -A PREROUTING -j REJECT
R iptables -t nat -A PREROUTING -j REJECT
R iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset
R iptables -A INPUT -p tcp -j REJECT --reject-with tcp-res
R iptables -N U
R iptables -A U -j REJECT --reject-with icmp-proto-unreachable
R iptables -A FORWARD -j U
A ping -c 2 -i 0.3 -W 0.3 10.2.0.2
R iptables -vnL
enddump
R iptables -F
say fragments
R iptables -A FORWARD -p icmp -f
R iptables -A FORWARD -p icmp ! -f
R iptables -A FORWARD -p icmp -m icmp --icmp-type 8
R iptables -t raw -A PREROUTING -f
R iptables -t raw -A PREROUTING -p icmp
R iptables -t mangle -A PREROUTING -p icmp
A ping -c 1 -s 4000 10.2.0.2
R iptables -vnL FORWARD
R iptables -t raw -vnL PREROUTING
R iptables -t mangle -vnL PREROUTING
R iptables -t nat -vnL
R iptables -t nat -F
R iptables -t raw -Z
R iptables -t mangle -Z
R iptables -Z
R conntrack -F
R iptables -t nat -X
R iptables -t nat -S
A ping -c 1 -s 4000 10.2.0.2
R iptables -vnL FORWARD
R iptables -t raw -vnL PREROUTING
R iptables -t mangle -vnL PREROUTING
CT
R iptables-legacy -t nat -S
A ping -c 1 -s 4001 10.2.0.2
CT
R iptables -vnL FORWARD
