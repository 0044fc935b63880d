# ping: wrong arguments and local errors
# area: ping
# not modelled: -6 fd00|fd00::1 — IPv6
# not modelled: 10.0.0.2 10.0.0.3 — source routing
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
t ip netns exec a ping
t ip netns exec a ping -V
t ip netns exec a ping -c 1 no.such.host
t ip netns exec a ping -c 1 10.0.0.300
t ip netns exec a ping -c 1 8.8.8.8
t ip netns exec a ping -c x 10.0.0.2
t ip netns exec a ping -c 0 10.0.0.2
t ip netns exec a ping -c -1 10.0.0.2
t ip netns exec a ping -c 1 -i x 10.0.0.2
t ip netns exec a ping -c 1 -i -1 10.0.0.2
t ip netns exec a ping -c 1 -i 0 10.0.0.2
t ip netns exec a ping -c 1 -W x 10.0.0.2
t ip netns exec a ping -c 1 -w x 10.0.0.2
t ip netns exec a ping -c 1 -s x 10.0.0.2
t ip netns exec a ping -c 1 -s -1 10.0.0.2
t ip netns exec a ping -c 1 -s 65508 10.0.0.2
t ip netns exec a ping -c 1 -s 127993 10.0.0.2
t ip netns exec a ping -t 0 -c 1 10.0.0.2
t ip netns exec a ping -c 1 -t 256 10.0.0.2
t ip netns exec a ping -c 1 -M maybe 10.0.0.2
t ip netns exec a ping -c 1 -p xyz 10.0.0.2
t ip netns exec a ping -c 1 -Q 300 10.0.0.2
t ip netns exec a ping -I nope -c 1 10.0.0.2
t ip netns exec a ping -I 10.9.9.9 -c 1 10.0.0.2
t ip netns exec a ping -I lo -c 1 -W 0.2 10.0.0.2
t ip netns exec a ping -k
t ip netns exec a ping -c
t ip netns exec a ping -c 1 -6 10.0.0.2
t ip netns exec a ping -c 1 -6 fd00::1
t ip netns exec a ping -c 1 fd00::1
t ip netns exec a ping -4 -6 -c 1 10.0.0.2
t ip netns exec a ping -c 1 -R -T tsonly 10.0.0.2
t ip netns exec a ping -c 1 10.0.0.2 10.0.0.3
t ip netns exec a ping -c 1 -l 70000 10.0.0.2
t ip netns exec a ping -c 1 -M do -s 1473 10.0.0.2
t ip netns exec a ping -c 2 -i 0.2 -M do -s 2000 10.0.0.2
say route types
ip -n a route add unreachable 10.6.0.0/16
ip -n a route add prohibit 10.7.0.0/16
ip -n a route add blackhole 10.8.0.0/16
ip -n a route add throw 10.9.0.0/16
t ip netns exec a ping -c 1 10.6.0.1
t ip netns exec a ping -c 1 10.7.0.1
t ip netns exec a ping -c 1 10.8.0.1
t ip netns exec a ping -c 1 10.9.0.1
t ip netns exec a ping -c 1 0.0.0.0
t ip netns exec a ping -c 1 240.0.0.1
t ip netns exec a ping -c 1 -I v0 8.8.8.8 -W 0.2
say interface without address, interface down
ip -n a addr flush dev v0
t ip netns exec a ping -c 1 10.0.0.2
ip -n a route add 10.0.0.0/24 dev v0
t ip -n a route get 10.0.0.2
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
ip -n a link set lo down
t ip netns exec a ping -c 1 -W 0.2 127.0.0.1
ip -n a link set v0 down
t ip netns exec a ping -c 1 -W 0.2 -I v0 10.0.0.2
t ip netns exec a ping -c 1 -W 0.2 10.0.0.2
