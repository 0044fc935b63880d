# sysctl and /proc/sys
# area: sysctl
# not modelled: ls /proc — lists of directories under /proc
# compare: part sysctl -a — podwire has the switches that decide something in it
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
t ip netns exec a sysctl net.ipv4.ip_forward
t ip netns exec a sysctl -n net.ipv4.ip_forward
t ip netns exec a sysctl -w net.ipv4.ip_forward=1
t ip netns exec a sysctl net.ipv4.ip_forward=0
t ip netns exec a sysctl -q -w net.ipv4.ip_forward=1
t ip netns exec a sysctl -w net.ipv4.ip_forward = 1
t ip netns exec a sysctl -w "'net.ipv4.ip_forward = 1'"
t ip netns exec a sysctl -w net.ipv4.ip_forward=2
t ip netns exec a sysctl net.ipv4.ip_forward
t ip netns exec a sysctl -w net.ipv4.ip_forward=abc
t ip netns exec a sysctl -w net.ipv4.ip_forward=
t ip netns exec a sysctl -w net.ipv4.ip_forward
t ip netns exec a sysctl net.ipv4.nope
t ip netns exec a sysctl -e net.ipv4.nope
t ip netns exec a sysctl -w net.ipv4.nope=1
t ip netns exec a sysctl net.ipv4.conf.nope.rp_filter
t ip netns exec a sysctl net/ipv4/conf/v0/rp_filter
t ip netns exec a sysctl -w net/ipv4/conf/v0/rp_filter=1
t ip netns exec a sysctl net.ipv4.conf.v0.rp_filter net.ipv4.conf.all.rp_filter
t ip netns exec a sysctl -w net.ipv4.conf.v0.rp_filter=7
t ip netns exec a sysctl -w net.ipv4.conf.v0.arp_ignore=3 net.ipv4.conf.v0.arp_announce=2
t ip netns exec a sysctl -a -r "'conf.v0.(arp|proxy)'"
t "ip netns exec a sysctl -a 2>/dev/null | grep 'net.ipv4.conf.v0'"
t "ip netns exec a sysctl -a 2>/dev/null | grep 'net.ipv4.conf.default'"
t "ip netns exec a sysctl -a 2>/dev/null | grep 'net.ipv4.neigh.default'"
t "ip netns exec a sysctl -a 2>/dev/null | grep 'net.ipv4.conf.lo'"
t "ip netns exec a sysctl -a 2>/dev/null | grep -E 'net.ipv4.(icmp|ip_)'"
t ip netns exec a sysctl -N net.ipv4.ip_forward
t ip netns exec a sysctl -b net.ipv4.ip_forward
t ip netns exec a sysctl
t ip netns exec a cat /proc/sys/net/ipv4/ip_forward
t ip netns exec a sysctl -w net.ipv4.ip_forward=0
t ip netns exec a cat /proc/sys/net/ipv4/ip_forward
t ip netns exec a sysctl -w net.ipv4.conf.nope.proxy_arp=1
t ip netns exec a cat /proc/sys/net/ipv4/conf/nope/proxy_arp
t ip netns exec a ls /proc/sys/net/ipv4/conf
t ip netns exec a ls /proc/sys/net/ipv4/conf/v0
t ip netns exec a ls /proc/sys/net/ipv4/neigh
t ip netns exec a ls /proc/sys/net/ipv4/neigh/v0
t ip netns exec a cat /proc/sys/net/ipv4/neigh/v0/delay_first_probe_time
say forwarding and redirects of the interfaces
t ip netns exec a sysctl -w net.ipv4.ip_forward=0
t "ip netns exec a sysctl -a 2>/dev/null | grep -E 'conf.*(redirects|forwarding) ' | grep ipv4"
t ip netns exec a sysctl -w net.ipv4.ip_forward=1
t "ip netns exec a sysctl -a 2>/dev/null | grep -E 'conf.*(redirects|forwarding) ' | grep ipv4"
t ip netns exec a sysctl -w net.ipv4.conf.default.rp_filter=2
t ip -n a link add br0 address 02:00:00:00:00:09 type bridge
t ip netns exec a sysctl net.ipv4.conf.br0.rp_filter net.ipv4.conf.br0.forwarding
t ip netns exec a sysctl -w net.ipv4.conf.all.forwarding=0
t ip netns exec a sysctl net.ipv4.ip_forward net.ipv4.conf.default.forwarding
say an interface name with a dot
ip -n a link set v0 down
ip -n a link set v0 name v.0
t ip netns exec a sysctl net.ipv4.conf.v.0.rp_filter
t ip netns exec a sysctl net/ipv4/conf/v.0/rp_filter
t ip netns exec a sysctl net.ipv4.conf.v/0.rp_filter
