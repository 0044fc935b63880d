# martian destinations: addresses that nobody is sent to
# area: forward
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n r route add default via 10.1.0.2
sys r net.ipv4.ip_forward=1
sleep 1.2
D="0.0.0.0 0.0.0.5 127.0.0.1 127.9.9.9 169.254.1.1 192.0.2.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.254 255.255.255.255"
say sent by a
for d in $D; do t ip -n a route get $d; done
say arriving at the router
for d in $D; do t ip -n r route get $d from 10.0.0.1 iif r0; done
say from nobody
for d in $D; do t ip -n r route get $d from 0.0.0.0 iif r0; done
say without a default route
ip -n a route del default
ip -n r route del default
for d in 0.0.0.5 127.9.9.9 169.254.1.1 240.0.0.1 255.255.255.255; do
    t ip -n a route get $d
    t ip -n r route get $d from 10.0.0.1 iif r0
done
say a route for 127.9.0.0/16
ip -n a route add default via 10.0.0.254
t ip -n a route add 127.9.0.0/16 via 10.0.0.254
t ip -n r route add 127.9.0.0/16 via 10.1.0.2
t ip -n a route get 127.9.9.9
t ip -n r route get 127.9.9.9 from 10.0.0.1 iif r0
sys r net.ipv4.conf.r0.route_localnet=1
t ip -n r route get 127.9.9.9 from 10.0.0.1 iif r0
t ip -n r route get 127.0.0.1 from 10.0.0.1 iif r0
