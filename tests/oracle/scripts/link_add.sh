# ip link add: veth in all its forms, bridge; names and indexes
# area: link
# not modelled: type vlan — VLANs
ns a b c
t ip -n a link
t ip -n a link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
t ip -n a link
t ip -n a link add w0 address 02:00:00:00:00:03 type veth peer name w1 netns b address 02:00:00:00:00:04
t ip -n a link show w0
t ip -n b link
t ip link add x0 netns a address 02:00:00:00:00:05 type veth peer name x1 netns b address 02:00:00:00:00:06
t ip -n a link show x0
t ip -n b link show x1
t ip -n a link add name y0 mtu 1400 txqueuelen 17 address 02:00:00:00:00:07 index 40 type veth peer name y1 mtu 1300 index 50 address 02:00:00:00:00:08
t ip -n a link show y0
t ip -n a link show y1
t ip -n a link add br0 address 02:00:00:00:00:09 type bridge
t ip -n a link show br0
t ip -n a link set br0 up
t ip -n a link show br0
say errors
t ip -n a link add v0 type veth peer name v9
t ip -n a link add v9 type veth peer name v0
t ip -n a link add v9 type veth peer name v9
t ip -n a link add type bridge
t ip -n a link add v9
t ip -n a link add v9 type nope
t ip -n a link add v9 type veth peer
t ip -n a link add v9 type veth frob
t ip -n a link add averyveryverylongname type bridge
t ip -n a link add a/b type bridge
t ip -n a link add "'a b'" type bridge
t ip -n a link add v9 address 00:00:00:00:00:00 type bridge
t ip -n a link add v9 address 01:00:5e:00:00:01 type bridge
t ip -n a link add v9 address 02:00 type bridge
t ip -n a link add v9 address hello type bridge
t ip -n a link add v9 mtu 10 type veth peer name v10
t ip -n a link add v9 index 40 type bridge
t ip -n a link add v9 type veth peer name v10 netns nope
t ip -n a link add v9 netns nope type bridge
t ip -n a link add lo type bridge
t ip -n a link add v9 type vlan id 5
t ip -n a link add link v0 name v0.5 type vlan id 5000
t ip -n a -br link
