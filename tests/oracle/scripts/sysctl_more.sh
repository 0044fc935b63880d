# sysctl and cat: more options, paths and errors
# area: sysctl
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
t ip netns exec a sysctl -w net.ipv4.ip_forward=1 net.ipv4.nope=1 net.ipv4.icmp_ratelimit=5
t ip netns exec a sysctl -n -w net.ipv4.ip_forward=1
t ip netns exec a sysctl -N -w net.ipv4.ip_forward=1
t ip netns exec a sysctl -b -w net.ipv4.ip_forward=1
t ip netns exec a sysctl -e -w net.ipv4.nope=1
t ip netns exec a sysctl -q net.ipv4.ip_forward
t ip netns exec a sysctl -e net.ipv4.nope net.ipv4.ip_forward
t ip netns exec a sysctl -w -- -net.ipv4.ip_forward=1
t ip netns exec a sysctl -- -net.ipv4.nope=1
t ip netns exec a sysctl --write net.ipv4.ip_forward=0
t ip netns exec a sysctl --dry-run -w net.ipv4.ip_forward=1
t ip netns exec a sysctl --values net.ipv4.ip_forward
t ip netns exec a sysctl --names net.ipv4.conf.lo
t ip netns exec a sysctl -n net.ipv4.ip_local_port_range
t ip netns exec a sysctl -w net.ipv4.ip_local_port_range="'1024 2048'"
t ip netns exec a sysctl -w net.ipv4.ip_local_port_range="'2048 1024'"
t ip netns exec a sysctl -w net.ipv4.ip_default_ttl=0
t ip netns exec a sysctl -w net.ipv4.ip_default_ttl=256
t ip netns exec a sysctl -w net.ipv4.ip_default_ttl="' 33 '"
t ip netns exec a sysctl -w net.ipv4.ip_default_ttl=0x20
t ip netns exec a sysctl -w net.ipv4.ip_default_ttl=5x
t ip netns exec a sysctl net.ipv4.ip_default_ttl
t ip netns exec a sysctl -w net.ipv4.conf.v0.rp_filter=-1
t ip netns exec a sysctl -w net.ipv4.conf.v0.rp_filter=99999999999
t ip netns exec a sysctl -w "'net.ipv4.conf.v0.rp_filter=1 2'"
t ip netns exec a sysctl net.ipv4.conf.lo/
t ip netns exec a sysctl net.ipv4.conf.lo
t ip netns exec a sysctl net.ipv4.neigh.lo
t ip netns exec a sysctl --deprecated net.ipv4.neigh.lo
t ip netns exec a sysctl net.ipv4.neigh.lo.retrans_time
t ip netns exec a sysctl -n net.ipv4.neigh.lo
t ip netns exec a sysctl -b net.ipv4.ip_forward net.ipv4.ip_default_ttl
t ip netns exec a sysctl net.ipv4.conf.l
t ip netns exec a sysctl "''"
t ip netns exec a sysctl =
t ip netns exec a sysctl =1
t ip netns exec a sysctl -z
t ip netns exec a sysctl --frob
t ip netns exec a sysctl -h
t ip netns exec a sysctl -V
t ip netns exec a sysctl -w
t ip netns exec a sysctl -n
t ip netns exec a sysctl /proc/sys/net/ipv4/ip_forward
t ip netns exec a sysctl net.ipv4.ip_forward.
t ip netns exec a sysctl .net.ipv4.ip_forward
t ip netns exec a sysctl 'net.ipv4.conf.*.rp_filter'
t ip netns exec a sysctl -w 'net.ipv4.conf.*.rp_filter=1'
t ip netns exec a sysctl -r ip_forward
t ip netns exec a sysctl -r ip_forward$ net.ipv4.ip_default_ttl net.ipv4.ip_forward
t ip netns exec a sysctl -a -n -r ip_forward$
t ip netns exec a sysctl -a -N -r ip_forward$
t ip netns exec a cat nope /proc/sys/net/ipv4/ip_forward
t ip netns exec a cat /proc/net
t ip netns exec a cat /proc/sys/net/ipv4/conf/ /proc/sys/net/ipv4/conf/v0
t ip netns exec a cat /sys/class/net/v0 /sys/class/net /sys/class/net/v0/statistics
t ip netns exec a cat /sys/class/net/v0/nope
t ip netns exec a cat /sys/class/net/v0/mtu/x
t ip netns exec a cat -k
t ip netns exec a cat --frob
t ip netns exec a cat -u /proc/sys/net/ipv4/ip_forward
t ip netns exec a cat -- /proc/sys/net/ipv4/ip_forward
t ip netns exec a cat /proc/self/net/arp
t ip netns exec a cat /proc//net/arp
t "ip netns exec a sysctl -z 2>/dev/null | head -2"
t "ip netns exec a sysctl -z >/dev/null"
t "ip netns exec a sysctl -h 2>/dev/null | head -3"
t "ip netns exec a sysctl 2>/dev/null | head -3"
t "ip netns exec a sysctl -V 2>/dev/null | head -3"
t ip netns exec a sysctl -- -net.ipv4.ip_forward
t "ip netns exec a sysctl -w = 2>&1"
t "ip netns exec a sysctl -w ''"
t "ip netns exec a sysctl net/ipv4/ip_forward net/ipv4/conf/lo/tag=0"
t "ip netns exec a sysctl net/ipv4/ip_forward/"
t "ip netns exec a sysctl /net/ipv4/ip_forward"
t "ip netns exec a sysctl net.ipv4.ip_forward=1=2"
t "ip netns exec a sysctl 'net.ipv4.ip_forward =1'"
t "ip netns exec a sysctl -e -w net.ipv4.ip_forward"
t "ip netns exec a sysctl -q -e net.ipv4.nope net.ipv4.ip_default_ttl"
t "ip netns exec a sysctl -q -w net.ipv4.ip_default_ttl=x"
t "ip netns exec a sysctl net.ipv4.conf.nope.forwarding=1 net.ipv4.ip_default_ttl=7"
t "ip netns exec a sysctl -n net.ipv4.conf.lo.tag net.ipv4.conf.lo.rp_filter"
t "ip netns exec a sysctl net.ipv4.conf.all.forwarding=3 net.ipv4.conf.lo.forwarding"
t "ip netns exec a sysctl net.ipv4.conf.all.forwarding=010 net.ipv4.conf.lo.forwarding"
