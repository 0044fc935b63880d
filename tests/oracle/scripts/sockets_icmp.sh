# TCP over veth: the ICMP error of the first SYN comes while connect() still
# holds the socket and is lost; the error of the second SYN, 1 s later, counts
# area: sockets
# not modelled: all — sockets of programs: bash and Python send here
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1
ip -n r route add unreachable 10.6.0.0/16
ip netns exec a ping -c 1 10.0.0.254 >/dev/null
dump a a -i v0 -n -t tcp or icmp
t "ip netns exec a timeout 3 bash -c 'echo hi >/dev/tcp/10.6.0.1/80'"
enddump
t "ip netns exec a nstat -az | grep -E 'LockDropped'"
say a TCP reset is not lost
dump a a -i v0 -n -t tcp or icmp
t "ip netns exec a timeout 3 bash -c 'echo hi >/dev/tcp/10.1.0.2/80'"
enddump
