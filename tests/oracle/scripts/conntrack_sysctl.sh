# net.netfilter.nf_conntrack_*: names, values, what may be written
# area: netfilter
# not modelled: nf_conntrack_(log_invalid|frag6_timeout|icmpv6_timeout)= — IPv6 and the kernel's log
ns node
t "ip netns exec node sysctl -a 2>/dev/null | grep netfilter.nf_conntrack"
w() {
    t ip netns exec node sysctl -w "net.netfilter.nf_conntrack_$1=$2"
    t ip netns exec node sysctl -n "net.netfilter.nf_conntrack_$1"
}
w max 5
w count 5
w buckets 5
w expect_max 5
w acct 2
w acct 1
w acct x
w acct -1
w events 3
w events 0
w udp_timeout 0
w udp_timeout -1
w udp_timeout 4294967
w udp_timeout 42949670
w udp_timeout 99999999999
w udp_timeout "'5 7'"
w udp_timeout 5x
w udp_timeout 0x10
w tcp_max_retrans 256
w tcp_max_retrans 255
w tcp_loose 2
w checksum 0
w timestamp 1
w tcp_be_liberal 1
w tcp_ignore_invalid_rst 1
w generic_timeout 8
t ip netns exec node sysctl -w net.netfilter.nf_conntrack_log_invalid=255
t ip netns exec node sysctl -w net.netfilter.nf_conntrack_frag6_timeout=9
t ip netns exec node sysctl -w net.netfilter.nf_conntrack_icmpv6_timeout=9
t ip netns exec node sysctl -w net.netfilter.nf_conntrack_log_invalid=0
t ip netns exec node cat /proc/sys/net/netfilter/nf_conntrack_generic_timeout
t ip netns exec node cat /proc/sys/net/netfilter/nf_conntrack_foo
say timeouts and counters
t ip netns exec node iptables -A OUTPUT -m conntrack --ctstate NEW
t ip netns exec node sysctl -w net.netfilter.nf_conntrack_icmp_timeout=2
t ip netns exec node ping -c 2 -i 0.2 127.0.0.1
sleep 0.5
t "ip netns exec node cat /proc/net/nf_conntrack | sed -E 's/id=[0-9]+/id=N/g; s/delta-time=[01] //'"
t "ip netns exec node conntrack -L 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/delta-time=[01] //'"
t ip netns exec node sysctl -n net.netfilter.nf_conntrack_count
t "ip netns exec node conntrack -L -z 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/delta-time=[01] //'"
t "ip netns exec node conntrack -L 2>&1 | sed -E 's/id=[0-9]+/id=N/g; s/delta-time=[01] //'"
sleep 2
t ip netns exec node conntrack -L
t ip netns exec node cat /proc/net/nf_conntrack
