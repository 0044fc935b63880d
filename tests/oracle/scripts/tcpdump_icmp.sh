# tcpdump: ICMP errors of every kind, plain, -v, -vv -e
# area: tcpdump
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1 net.ipv4.neigh.r0.delay_first_probe_time=60 net.ipv4.neigh.r1.delay_first_probe_time=60
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
ip -n r route add unreachable 10.6.0.0/16
ip -n r route add prohibit 10.7.0.0/16
ip -n r route add 10.5.0.0/16 via 10.0.0.5
ip -n r neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev r0
ip -n r link set r1 mtu 1400
ip -n b link set v1 mtu 1400
ip netns exec a ping -c 1 10.1.0.2 >/dev/null
dump plain a -i v0 -n -t
dump v a -i v0 -n -t -v
dump vv a -i v0 -n -t -e -vv
dump q a -i v0 -n -t -q
ip netns exec a ping -c 1 -W 0.2 -t 1 10.1.0.2 >/dev/null
sleep 1.1
ip netns exec a ping -c 1 -W 0.2 10.6.0.1 >/dev/null
sleep 1.1
ip netns exec a ping -c 1 -W 0.2 10.7.0.1 >/dev/null
sleep 1.1
ip netns exec a ping -c 1 -W 0.2 99.9.9.9 >/dev/null
ip netns exec a ping -c 1 -W 0.2 -M do -s 1400 10.1.0.2 >/dev/null
sleep 1.1
ip netns exec a ping -c 1 -W 0.2 10.5.0.5 >/dev/null
ip netns exec a ping -c 1 -W 0.2 -Q 0xb8 10.1.0.2 >/dev/null
ip netns exec a ping -c 1 -W 0.2 -s 0 10.1.0.2 >/dev/null
enddump
