# addresses on lo and on an interface that is down
# area: address
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
t ip -n a addr add 10.5.0.1/24 dev lo
t ip -n a addr add 10.5.1.1/32 dev lo
t ip -n a -o addr show lo
t ip -n a route
t ip -n a route show table local
t ip -n a route get 10.5.0.77
t ip netns exec a ping -c 1 -W 0.3 10.5.0.77
say lo down and up again
t ip -n a link set lo down
t ip -n a -o addr show lo
t ip -n a route show table local
t ip -n a link set lo up
t ip -n a -o addr show lo
t ip -n a route show table local
say address on a link that is down
ip -n a link set v0 down
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a route show table all
t ip -n a link set v0 up
t ip -n a route show table all
say the same address on two interfaces
t ip -n a addr add 10.0.0.1/24 dev lo
t ip -n a -o addr
t ip -n a route show table all
t ip -n a addr del 10.0.0.1/24 dev v0
t ip -n a route show table all
t ip -n a route get 10.0.0.1
