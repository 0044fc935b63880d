# two interfaces with the same subnet; longest match, metric, order of equal routes
# area: route
ns a b c
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair a w0 02:00:00:00:00:1a c w1 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.0.0.2/24 dev w0
t ip -n a route
t ip -n a route get 10.0.0.5
t ip -n a route get 10.0.0.5 oif w0
t ip -n a route get 10.0.0.5 from 10.0.0.2
t ip -n a route add 10.5.0.0/16 via 10.0.0.9
t ip -n a route
t ip -n a link set v0 down
t ip -n a route
t ip -n a route get 10.0.0.5
t ip -n a link set v0 up
t ip -n a route
t ip -n a route get 10.0.0.5
say metrics
ip -n a route add default via 10.0.0.9 dev v0 metric 200
ip -n a route add default via 10.0.0.8 dev w0 metric 100
t ip -n a route
t ip -n a route get 8.8.8.8
t ip -n a route del default
t ip -n a route
t ip -n a route get 8.8.8.8
