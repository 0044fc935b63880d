# tcpdump: UDP to closed ports, and the ICMP errors that answer; fragments of UDP
# area: tcpdump
# not modelled: all — UDP sockets of programs: bash sends here
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
ip netns exec a ping -c 1 10.1.0.2 >/dev/null
dump plain a -i v0 -n -t
dump v a -i v0 -n -t -v
dump vv a -i v0 -n -t -e -vv
dump q a -i v0 -n -t -q
ip netns exec a bash -c 'echo hello >/dev/udp/10.1.0.2/7777'
ip netns exec a bash -c 'echo hello >/dev/udp/10.1.0.254/53'
ip netns exec a bash -c 'head -c 2000 /dev/zero >/dev/udp/10.1.0.2/7777'
enddump
