# counters: nstat, netstat -s, /proc/net/snmp after a few pings
# area: tools
# not modelled: all — the counters of the kernel, and UDP sockets of programs
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip netns exec a ping -c 2 -i 0.1 10.0.0.2 >/dev/null
ip netns exec a ping -c 1 -s 3000 10.0.0.2 >/dev/null
ip netns exec a bash -c 'echo hi >/dev/udp/10.0.0.2/7'
t "ip netns exec b nstat -a"
t "ip netns exec b grep -E '^(Ip|Icmp|Udp):' /proc/net/snmp"
t "ip netns exec b netstat -s"
