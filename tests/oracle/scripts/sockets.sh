# what TCP and UDP sockets see
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
ip -n r route add prohibit 10.7.0.0/16
ip -n a route add unreachable 10.16.0.0/16
ip -n a route add prohibit 10.17.0.0/16
ip -n a route add blackhole 10.18.0.0/16
ip -n a route add throw 10.19.0.0/16
for d in 10.1.0.2 10.1.0.254 10.16.0.1 10.17.0.1 10.18.0.1 10.19.0.1 10.6.0.1 10.7.0.1 99.9.9.9 10.0.0.1 127.0.0.1 0.0.0.0 224.0.0.1 10.0.0.255; do
    t "ip netns exec a timeout 2 bash -c 'echo hi >/dev/tcp/$d/80' 2>&1 | tail -n 1"
    case $d in 10.6*|10.7*|99*) sleep 2.2 ;; esac
done
say no answer to ARP
t "ip netns exec a bash -c 'echo hi >/dev/tcp/10.0.0.7/80'"
t "ip netns exec a bash -c 'echo hi >/dev/udp/10.0.0.6/80'"
say UDP to a closed port: the second write fails
t "ip netns exec a bash -c 'exec 3>/dev/udp/10.1.0.2/7; echo a >&3; sleep 0.2; echo b >&3'"
t "ip netns exec a bash -c 'exec 3>/dev/udp/10.17.0.1/7'"
t "ip netns exec a bash -c 'exec 3>/dev/udp/10.7.0.1/7; echo a >&3; sleep 0.2; echo b >&3'"
sleep 2.2
t "ip netns exec a bash -c 'exec 3>/dev/udp/99.9.9.9/7; echo a >&3; sleep 0.2; echo b >&3'"
t "ip netns exec a nstat -a"
