# many tables: order of "table all", names, ids above 255
# area: route
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
for x in 100 356 612 1 255 253 254 252 256 1000 4294967295; do t ip -n a route add 10.5.0.0/16 via 10.0.0.9 table $x; done
t ip -n a route show table all
t ip -n a -N route show table all 10.5.0.0/16
t ip -n a route add 10.6.0.0/16 via 10.0.0.9 table all
t ip -n a route add 10.6.0.0/16 via 10.0.0.9 table 0
t ip -n a route add 10.6.0.0/16 via 10.0.0.9 table 4294967296
t ip -n a route show table 0
t ip -n a route show table unspec
t ip -n a route del 10.5.0.0/16
t ip -n a route del 10.5.0.0/16
t ip -n a route del 10.5.0.0/16 table 100
t ip -n a route show table 100
t ip -n a route get 10.5.0.1
t ip -n a rule add table 356
t ip -n a route get 10.5.0.1
t ip -n a route flush table all 10.5.0.0/16
t ip -n a route show table all
