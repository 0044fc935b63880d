# ip link set / del
# area: link
# frames: no — a device is renamed while it is recorded, and nothing is sent
ns a b
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
t ip -n a link set v0 mtu 1400
t ip -n a link set dev v0 address 02:00:00:00:00:1a
t ip -n a link set v0 txqueuelen 55
t ip -n a link set v0 qlen 66
t ip -n a link set v0 alias "'to node b'"
t ip -n a link show v0
t ip -n a link set v0 name eth0
t ip -n a link set eth0 up
t ip -n a link set eth0 name eth1
t ip -n a link show
t ip -n a link set v0 name eth9
t ip -n a link set eth1 address 02:00:00:00:00:2a
t ip -n a link set eth1 down
t ip -n a link set eth1 name v0 mtu 1500 up
t ip -n a link show v0
t ip -n a link set v0 alias "''"
t ip -n a link set v0 arp off
t ip -n a link set v0 multicast off
t ip -n a link set v0 promisc on
t ip -n a link set v0 allmulticast on
t ip -n a link show v0
t ip -n a link set v0 arp on multicast on promisc off allmulticast off
t ip -n a link set v0 group 7
t ip -n a link show v0
t ip -n a link show group 7
t ip -n a link set v0 index 9
say errors
t ip -n a link set nope up
t ip -n a link set dev nope mtu 1400
t ip -n a link set
t ip -n a link set v0
t ip -n a link set v0 mtu
t ip -n a link set v0 mtu abc
t ip -n a link set v0 mtu 10
t ip -n a link set v0 mtu 67
t ip -n a link set v0 mtu 68
t ip -n a link set v0 mtu 65535
t ip -n a link set v0 mtu 65536
t ip -n a link set v0 address 01:00:00:00:00:01
t ip -n a link set v0 address 02:00:00:00:00
t ip -n a link set v0 address zz
t ip -n a link set v0 frob
t ip -n a link set v0 name lo
t ip -n a link set v0 netns nope
t ip -n a link set lo netns b
t ip -n a link set v0 master nope
t ip -n a link set v0 master lo
t ip -n a link set v0 nomaster
t ip -n a link del lo
t ip -n a link del nope
t ip -n a link del
t ip -n a link del v0 type bridge
t ip -n a link set lo mtu 1500
t ip -n a link set lo down
t ip -n a link
t ip -n a link del v0
t ip -n a link del dev v0
t ip -n b link
