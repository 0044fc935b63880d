# Rules on bridged packets: physdev, DNAT, masquerading and REJECT with br_netfilter on and off
# area: netfilter
# frames: no — a bridge that snoops joins 224.0.0.106, and podwire sends no IGMP
modprobe br_netfilter 2>/dev/null
ns h p q
ip -n h link add br0 type bridge forward_delay 0
ip -n h link set br0 address 02:00:00:00:09:00 up
pair p eth0 02:00:00:00:03:01 h vp 02:00:00:00:04:01
pair q eth0 02:00:00:00:03:02 h vq 02:00:00:00:04:02
ip -n h link set vp master br0; ip -n h link set vq master br0
ip -n h addr add 10.5.0.1/24 dev br0
ip -n p addr add 10.5.0.2/24 dev eth0; ip -n q addr add 10.5.0.3/24 dev eth0
ip -n p route add default via 10.5.0.1; ip -n q route add default via 10.5.0.1
sys h net.ipv4.ip_forward=1
sleep 1.2
H() { t ip netns exec h "$@"; }
CT() { H "conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]*//g;s/icmp +1 [0-9]*/icmp/' | sort"; }
P() { t ip netns exec p "$@"; }
sys h net.bridge.bridge-nf-call-iptables=0
H iptables -A FORWARD -m physdev --physdev-in vp --physdev-out vq -j ACCEPT
H iptables -A FORWARD -m physdev --physdev-is-bridged
H iptables -A FORWARD -m physdev --physdev-is-in
H iptables -A FORWARD -m physdev --physdev-is-out
H iptables -A FORWARD -m physdev '!' --physdev-is-bridged
H iptables -A FORWARD -i br0 -o br0
H iptables -A FORWARD -i vp
H iptables -A INPUT -m physdev --physdev-in vp
H iptables -A INPUT -m physdev --physdev-in v+
H iptables -A INPUT -m physdev --physdev-is-bridged
H iptables -A OUTPUT -m physdev --physdev-out vp
H iptables -A OUTPUT -m physdev --physdev-is-out
H iptables -A FORWARD -m physdev
H iptables -A FORWARD -m physdev --physdev-in ''
H iptables -A FORWARD -m physdev '!' --physdev-in vp '!' --physdev-out vp
H iptables -t nat -A PREROUTING -m physdev --physdev-in vp
H iptables -t nat -A POSTROUTING -m physdev --physdev-out vq
H iptables -t nat -A POSTROUTING -o br0
P ping -c 1 -W 0.3 10.5.0.3
H iptables -vnL
H sysctl -w net.bridge.bridge-nf-call-iptables=1
P ping -c 2 -i 0.2 -W 0.3 10.5.0.3
P ping -c 1 -W 0.3 10.5.0.1
H ping -c 1 -W 0.3 10.5.0.2
H iptables -vnL
H iptables -t nat -vnL
CT
H iptables -F
H iptables -t nat -F
H iptables -Z
H conntrack -F
say dnat on bridge
H iptables -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.5.0.3
P ping -c 1 -W 0.3 10.96.0.1
CT
H iptables -t nat -A POSTROUTING -s 10.5.0.2 -d 10.5.0.3 -j MASQUERADE
H conntrack -F
dump q q -i eth0 -nn -e icmp
P ping -c 2 -i 0.2 -W 0.3 10.96.0.1
CT
P ping -c 1 -W 0.3 10.5.0.3
enddump
H sysctl -w net.bridge.bridge-nf-call-iptables=0
H conntrack -F
P ping -c 1 -W 0.3 10.96.0.1
CT
H sysctl -w net.bridge.bridge-nf-call-iptables=1
H conntrack -F
say dnat to self: hairpin
H iptables -t nat -F
H iptables -t nat -A PREROUTING -d 10.96.0.2 -j DNAT --to-destination 10.5.0.2
H iptables -t nat -A POSTROUTING -s 10.5.0.2 -d 10.5.0.2 -j MASQUERADE
P ping -c 1 -W 0.3 10.96.0.2
CT
H ip link set vp type bridge_slave hairpin on
H conntrack -F
P ping -c 1 -W 0.3 10.96.0.2
CT
H iptables -t nat -F
H conntrack -F
say drop and reject
H iptables -P FORWARD DROP
P ping -c 1 -W 0.3 10.5.0.3
H iptables -A FORWARD -m physdev --physdev-is-bridged -j ACCEPT
P ping -c 1 -W 0.3 10.5.0.3
H iptables -I FORWARD -p icmp -j REJECT --reject-with icmp-admin-prohibited
dump p p -i eth0 -nn -e icmp
P ping -c 1 -W 0.3 10.5.0.3
enddump
H iptables -F FORWARD
H iptables -P FORWARD ACCEPT
H iptables -t raw -A PREROUTING -i br0 -j LOG --log-prefix "'raw: '"
H iptables -A FORWARD -j LOG --log-prefix "'fwd: '" --log-ip-options --log-uid
H iptables -t mangle -A POSTROUTING -j LOG --log-prefix "'post: '" --log-level debug
P ping -c 1 -W 0.3 10.5.0.3
P ping -c 1 -s 3000 -W 0.3 10.5.0.3
H iptables -vnL FORWARD
H iptables -t raw -vnL PREROUTING
H iptables -t mangle -vnL POSTROUTING
