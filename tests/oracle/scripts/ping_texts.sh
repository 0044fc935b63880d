# ping: its words for every ICMP error, with -n, -q, -v, -D and several packets, and the exit statuses
# area: ping
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
sys a net.ipv4.icmp_ratelimit=0
# It takes longer than neighbours stay confirmed, and when they are probed is not its subject.
sys a net.ipv4.neigh.v0.delay_first_probe_time=60
sys r net.ipv4.neigh.r0.delay_first_probe_time=60 net.ipv4.neigh.r1.delay_first_probe_time=60
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
ip -n r route add unreachable 10.2.0.0/16
ip -n r route add prohibit 10.3.0.0/16
ip -n r route add blackhole 10.4.0.0/16
ip -n r route add throw 10.5.0.0/16
sleep 1.2
p() { t ip netns exec a ping -W 0.3 "$@"; sleep 1.1; }
for x in 10.2.0.1 10.3.0.1 10.4.0.1 10.5.0.1 10.6.0.1; do p -c 1 $x; done
p -c 1 10.0.0.77
p -c 1 10.1.0.77
p -c 1 -t 1 10.1.0.2
p -c 1 -n -t 1 10.1.0.2
p -c 1 -q -t 1 10.1.0.2
p -c 1 -v -t 1 10.1.0.2
p -c 2 -i 1.1 10.2.0.1
p -c 2 -i 1.1 10.1.0.2
p -c 1 -M do -s 2000 10.1.0.2
p -c 1 -M dont -s 2000 10.1.0.2
p -w 1 10.2.0.1
p -w 1 -c 1 10.4.0.1
say on the host itself
ip -n a route add unreachable 10.7.0.0/16
ip -n a route add prohibit 10.8.0.0/16
ip -n a route add blackhole 10.9.0.0/16
ip -n a route add throw 10.10.0.0/16
for x in 10.7.0.1 10.8.0.1 10.9.0.1 10.10.0.1; do p -c 1 $x; done
ip -n a route del default
p -c 1 10.6.0.1
p -c 1 -I v0 10.6.0.1
p -c 1 -I 10.0.0.9 10.0.0.254
p -c 1 -I lo 10.0.0.254
p -c 1 -r 10.6.0.1
p -c 1 10.0.0.255
p -c 1 -b 10.0.0.255
p -c 1 255.255.255.255
p -c 1 224.0.0.1
p -c 1 0.0.0.0
ip -n a link set v0 down
p -c 1 10.0.0.254
p -c 1 -I v0 10.0.0.254
ip -n a addr flush dev v0
p -c 1 10.0.0.254
