# ip link: wrong commands, their words and exit statuses
# area: link
# frames: no — devices are up for a moment
ns a b
ip -n a link add v0 type veth peer name v1
l() { t ip -n a link "$@"; }
l add
l add x0
l add type
l add x0 type
l add x0 type nosuch
l add v0 type veth
l add x0 type veth peer
l add x0 type veth peer name v0
l add x0 type veth peer name x0
l add x0 type veth nosuch
l add toolongforaname0 type veth
l add 'a/b' type veth
l add 'a b' type veth
l add '' type veth
l add . type veth
l add .. type veth
l add x0 address zz type veth
l add x0 address 01:00:00:00:00:01 type veth
l add x0 address 00:00:00:00:00:00 type veth
l add x0 address 02:00:00:00:00 type veth
l add x0 mtu 10 type veth
l add x0 mtu 70000 type veth
l add x0 mtu x type veth
l add x0 index 0 type veth
l add x0 index -1 type veth
l add x0 index 2 type veth
l add x0 txqueuelen -1 type veth
l add x0 netns nosuch type veth
l add x0 type veth peer name x1 netns nosuch
l add x0 x1 type veth
l add name x0 name x1 type veth
l set
l set v0
l set nosuch up
l set dev nosuch up
l set up
l set v0 v1 up
l set v0 up down
l set v0 mtu
l set v0 mtu 0
l set v0 mtu 67
l set v0 mtu 65536
l set v0 mtu x
l set v0 mtu 1400 mtu 1500
l set v0 address
l set v0 address 02:00:00:00:00
l set v0 address 02:00:00:00:00:00:01
l set v0 address 01:00:00:00:00:01
l set v0 address xx:00:00:00:00:01
l set v0 name
l set v0 name v1
l set v0 name lo
l set v0 name toolongforaname0
l set v0 name 'a b'
l set v0 arp
l set v0 arp maybe
l set v0 promisc 1
l set v0 group nosuch
l set v0 master nosuch
l set v0 master v1
l set v0 nomaster
l set v0 netns
l set v0 netns nosuch
l set v0 index 7
l set v0 frob
l set lo name
l set lo netns b
l del
l del nosuch
l del lo
l del v0 v1
l show nosuch
l show v0 v1
l show type
l show master nosuch
l show group nosuch
l frob
l se v0 up
l sh v0 frob
l
