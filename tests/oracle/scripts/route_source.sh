# which source address a route gives
# area: route
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.3.0.1/24 dev v0
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.1.0.1/24 dev v0
ip -n a addr add 10.0.0.7/24 dev v0
ip -n a addr add 10.7.0.1/24 dev v0 scope link
t ip -n a -o -4 addr show v0
t ip -n a route
say connected routes have their own source
t ip -n a route get 10.1.0.5
t ip -n a route get 10.0.0.5
say a link route without src: the first address of the device
ip -n a route add 10.0.0.50 dev v0
ip -n a route add 10.20.0.0/16 dev v0
t ip -n a route get 10.0.0.50
t ip -n a route get 10.20.0.5
say a gateway: the address in the subnet of the gateway
ip -n a route add 10.30.0.0/16 via 10.1.0.9
ip -n a route add 10.31.0.0/16 via 10.0.0.9
ip -n a route add 10.32.0.0/16 via 10.99.0.9 dev v0 onlink
ip -n a route add 10.33.0.0/16 via 10.0.0.9 src 10.0.0.7
t ip -n a route get 10.30.0.5
t ip -n a route get 10.31.0.5
t ip -n a route get 10.32.0.5
t ip -n a route get 10.33.0.5
say scope host and link routes
ip -n a route add 10.40.0.0/16 dev v0 scope host
ip -n a route add 10.41.0.0/16 dev v0 scope global
t ip -n a route get 10.40.0.5
t ip -n a route get 10.41.0.5
say the first address goes
ip -n a addr del 10.7.0.1/24 dev v0
t ip -n a route get 10.20.0.5
ip -n a addr del 10.3.0.1/24 dev v0
t ip -n a route get 10.20.0.5
