# martians on the wire: what reaches the next device, and who answers
# area: forward
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
for d in "a v0" "r r0" "r r1" "b v1"; do set -- $d; sys $1 net.ipv4.neigh.$2.delay_first_probe_time=60; done
ip netns exec a ping -q -c 1 10.1.0.2 >/dev/null
S="127.0.0.9 240.0.0.1 10.0.0.254 10.1.0.254 10.1.0.2 0.0.0.9 192.0.2.9"
for s in $S; do ip -n a addr add $s/32 dev lo; done
sys a net.ipv4.conf.v0.route_localnet=1
go() {
    dump v0 a -i v0 -n -t icmp
    dump r1 r -i r1 -n -t icmp
    for s in $S; do ip netns exec a ping -c 1 -W 0.05 -s 8 -I $s $1 >/dev/null 2>&1; done
    enddump
}
say through the router
go 10.1.0.2
say to the router
go 10.0.0.254
say with accept_local and route_localnet on the router
sys r net.ipv4.conf.r0.accept_local=1 net.ipv4.conf.r0.route_localnet=1
go 10.1.0.2
say with a route to the others
ip -n r route add 0.0.0.0/1 via 10.0.0.1
go 10.1.0.2
say the router is addressed as 127.0.0.1
sys a net.ipv4.conf.all.route_localnet=1
sys r net.ipv4.conf.r0.route_localnet=0
ip -n a route add 127.7.0.0/16 via 10.0.0.254
dump r0 r -i r0 -n -t icmp
t ip netns exec a ping -c 1 -W 0.1 -I 10.0.0.1 127.7.0.1
sys r net.ipv4.conf.r0.route_localnet=1
t ip netns exec a ping -c 1 -W 0.1 -I 10.0.0.1 127.7.0.1
enddump
