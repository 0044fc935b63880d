# martian sources: what a host and a router say of packets from addresses that cannot send
# area: forward
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 brd + dev r0
ip -n r addr add 10.1.0.254/24 brd + dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n r route add default via 10.1.0.2
sys r net.ipv4.ip_forward=1
sleep 1.2
S="0.0.0.0 0.0.0.5 10.0.0.1 10.0.0.66 10.0.0.0 10.0.0.255 10.0.0.254 10.1.0.254 10.1.0.2 127.0.0.1 127.5.5.5
    169.254.1.1 192.0.2.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.254 255.255.255.255"
say to the router itself
for s in $S; do t ip -n r route get 10.0.0.254 from $s iif r0; done
say through the router
for s in $S; do t ip -n r route get 10.1.0.2 from $s iif r0; done
say out by the device it came by
for s in $S; do t ip -n r route get 10.0.0.77 from $s iif r0; done
say to the broadcast addresses
for d in 10.0.0.255 255.255.255.255 10.1.0.255; do
    for s in 0.0.0.0 10.0.0.1 10.0.0.254 127.0.0.1 224.0.0.1; do t ip -n r route get $d from $s iif r0; done
done
say with route_localnet
sys r net.ipv4.conf.r0.route_localnet=1
for s in 127.0.0.1 127.5.5.5; do
    t ip -n r route get 10.0.0.254 from $s iif r0
    t ip -n r route get 10.1.0.2 from $s iif r0
done
say with accept_local
sys r net.ipv4.conf.r0.accept_local=1
for s in 10.0.0.254 10.1.0.254; do
    t ip -n r route get 10.0.0.254 from $s iif r0
    t ip -n r route get 10.1.0.2 from $s iif r0
done
say without forwarding
sys r net.ipv4.ip_forward=0
for s in 10.0.0.1 0.0.0.0 224.0.0.1 10.0.0.254; do t ip -n r route get 10.1.0.2 from $s iif r0; done
