# ip addr: lifetimes, noprefixroute, metric, change/replace, filters
# area: address
ns a
ip -n a link add br0 address 02:00:00:00:00:0a type bridge
ip -n a link set br0 up
t ip -n a addr add 10.0.0.1/24 dev br0 noprefixroute
t ip -n a addr add 10.1.0.1/24 dev br0 valid_lft 100 preferred_lft 50
t ip -n a addr add 10.2.0.1/24 dev br0 valid_lft forever preferred_lft 0
t ip -n a addr add 10.3.0.1/24 dev br0 metric 7
t ip -n a addr add 10.4.0.1/31 dev br0
t ip -n a addr add 10.5.0.1/32 dev br0 brd 10.5.0.255
t ip -n a addr add local 10.6.0.1/24 broadcast + dev br0
t ip -n a addr add 10.7.0.1/24 brd - dev br0
t ip -n a addr add 10.8.0.1/24 scope 30 dev br0
t ip -n a addr add 10.8.1.1/24 scope site dev br0
t ip -n a addr add 10.8.2.1/24 scope 0 dev br0
t ip -n a addr add 10.10.0.1/32 peer 10.10.0.2 dev br0
t ip -n a addr add 10.11.0.1/24 proto 3 dev br0
t ip -n a addr add 10.0.0.0/24 dev br0
t ip -n a addr show br0
t ip -n a route
t ip -n a route show table local
say change and replace
t ip -n a addr change 10.0.0.1/24 dev br0 metric 99
t ip -n a addr replace 10.3.0.1/24 dev br0 metric 8
t ip -n a addr change 10.1.0.1/24 dev br0 valid_lft forever preferred_lft forever
t ip -n a addr replace 10.6.0.1/24 dev br0 label br0:x
t ip -n a addr replace 10.6.0.1/24 dev br0 brd 10.6.0.7
t ip -n a -o addr show br0
t ip -n a route
say filters
t ip -n a -o addr show to 10.1.0.0/16
t ip -n a -o addr show scope host
t ip -n a -o addr show scope link
t ip -n a -o addr show label br0:*
t ip -n a -o addr show permanent
t ip -n a -o addr show dynamic
t ip -n a -o addr show deprecated
t ip -n a -o addr show up
t ip -n a -br addr show type bridge
t ip -n a -o addr show type veth
t ip -n a addr flush to 10.1.0.0/16
t ip -n a addr flush dev br0 label br0:x
t ip -n a -s addr flush dev br0
t ip -n a -s -s addr flush dev lo
t ip -n a -o addr
