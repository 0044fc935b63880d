# `ip route get` of groups and broadcasts: the default route's metrics are not theirs
# area: route
ns b m
ip link add eth0 netns b type veth peer name x netns m
t ip -n m link set x up
t ip -n b link set eth0 up
t ip -n b addr add 10.0.2.2/24 dev eth0
t ip -n b route add default via 10.0.2.1 mtu 1400 advmss 1300
t ip -n b route get 224.0.0.1
t ip -n b route get 224.0.0.5 mark 16
t ip -n b route get 255.255.255.255
t ip -n b route get 10.0.2.255
t ip -n b route get 8.8.8.8
t ip -n b route add 239.0.0.0/8 dev eth0 mtu 1300
t ip -n b route get 239.1.1.1
