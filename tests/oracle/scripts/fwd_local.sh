# odd destinations from a host behind a router (F153)
# area: forward
# not modelled: nstat — the counters of the kernel
ns a r
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
ip -n r link add d0 address 02:00:00:00:00:d0 type bridge
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r link set d0 up
ip -n r addr add 10.0.0.254/24 brd + dev r0
ip -n r addr add 10.9.0.1/24 dev d0
ip -n a route add default via 10.0.0.254
sys r net.ipv4.ip_forward=1 net.ipv4.icmp_echo_ignore_broadcasts=0
ip netns exec a ping -c 1 10.0.0.254 >/dev/null
t ip netns exec a ping -c 1 -W 0.3 10.9.0.1
t ip netns exec a ping -c 1 -W 0.3 10.9.0.255
t ip netns exec a ping -c 1 -W 0.3 240.1.2.3
t ip netns exec a ping -c 1 -W 0.3 224.0.0.1
say loopback addresses arriving from outside
ip -n a rule del prio 0
ip -n a rule add prio 1 lookup local
ip -n a rule add prio 0 to 127.0.0.1 lookup 50
ip -n a route add default via 10.0.0.254 table 50
dump r r -i r0 -n -t icmp
t ip netns exec a ping -c 1 -W 0.3 -I 10.0.0.1 127.0.0.1
sys r net.ipv4.conf.r0.route_localnet=1
t ip netns exec a ping -c 1 -W 0.3 -I 10.0.0.1 127.0.0.1
enddump
say the own address sent to the router and back
ip -n a rule add prio 0 to 10.0.0.1 lookup 50
dump r r -i r0 -n -t icmp
t ip netns exec a ping -c 1 -W 0.3 -I 10.0.0.1 10.0.0.1
enddump
t "ip netns exec r nstat -az | grep -E 'MartianSrc|IpInHdrErrors|IpInAddrErrors|IpInDelivers '"
