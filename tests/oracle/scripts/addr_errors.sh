# ip addr: wrong commands, their texts and exit statuses
# area: address
ns a
ip -n a link add br0 address 02:00:00:00:00:0a type bridge
t ip -n a addr add 10.0.0.1/24 dev br0
t ip -n a addr add 10.0.0.1/24 dev br0
t ip -n a addr add 10.0.0.1/25 dev br0
t ip -n a addr add 10.0.0.1/24 dev nope
t ip -n a addr add 10.0.0.1/24
t ip -n a addr add 10.0.0.1/33 dev br0
t ip -n a addr add 10.0.0/24 dev br0
t ip -n a addr add 10.0.0.300/24 dev br0
t ip -n a addr add hello dev br0
t ip -n a addr add dev br0
t ip -n a addr add 10.0.0.5/24 dev br0 scope nope
t ip -n a addr add 10.0.0.5/24 dev br0 brd 1.2
t ip -n a addr add 10.0.0.5/24 dev br0 label other
t ip -n a addr add 10.0.0.5/24 dev br0 label br0:12345678901234
t ip -n a addr add 10.0.0.5/24 dev br0 metric x
t ip -n a addr add 10.0.0.5/24 dev br0 valid_lft 0
t ip -n a addr add 10.0.0.5/24 dev br0 valid_lft 10 preferred_lft 20
t ip -n a addr add 10.0.0.5/24 dev br0 frobnicate
t ip -n a addr add 0.0.0.0/24 dev br0
t ip -n a addr add 127.0.0.5/8 dev br0
t ip -n a addr add 224.0.0.5/24 dev br0
t ip -n a addr add 255.255.255.255/32 dev br0
t ip -n a addr add default dev br0
t ip -n a addr add fe80::1/64 dev br0
t ip -n a -4 addr add fd00::1/64 dev br0
t ip -n a addr del 10.0.0.9/24 dev br0
t ip -n a addr del 10.0.0.1/16 dev br0
t ip -n a addr del 10.0.0.1/24 dev lo
t ip -n a addr del 10.0.0.1/24
t ip -n a addr show dev nope
t ip -n a addr show nope
t ip -n a addr show dev
t ip -n a addr show frob gnicate
t ip -n a addr flush
t ip -n a addr flush dev nope
t ip -n a addr frob
t ip -n a addr change 10.0.0.77/24 dev br0
t ip -n a addr replace 10.0.0.78/24 dev br0
t ip -n a addr change 10.0.0.78/24 dev br0 brd +
t ip -n a -4 addr show br0
t ip -n nope addr
t ip frob
t ip -frob addr
t ip -n
t ip -V
