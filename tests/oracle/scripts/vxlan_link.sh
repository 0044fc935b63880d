# ip link add type vxlan: grammar, texts, refusals, and what cannot change later (F94)
# area: tunnel
# not modelled: fe80:: — an underlay of IPv6
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0
M="address 02:00:00:00:01:01"
add() { t ip -n a link add "$@"; }
chg() { t ip -n a link set v type vxlan "$@"; }
see() { t ip -n a -d link show ${1:-v}; }
new() { ip -n a link del v; }
say what is read
add v type vxlan id 1 remote 10.0.0.1 group 239.1.1.1
add v type vxlan id 1 group 239.1.1.1 remote 10.0.0.1
add v type vxlan id 1 remote 10.0.0.1 remote 10.0.0.1
add v type vxlan id 1 remote 239.1.1.1
add v type vxlan id 1 group 10.0.0.1
add v type vxlan id 1 group 239.1.1.1 dstport 0
add v type vxlan id 1 local 239.1.1.1
add v type vxlan id 1 local x
add v type vxlan id 1 local any dstport 1
add v type vxlan id 1 id 2
add v type vxlan id 77777777
add v type vxlan id 1 dev e7
add v type vxlan id 1 ttl 300
add v type vxlan id 1 ttl x
add v type vxlan id 1 ttl inherit ttl 4
add v type vxlan id 1 tos x
add v type vxlan id 1 df x
add v type vxlan id 1 flowlabel x
add v type vxlan id 1 ageing x
add v type vxlan id 1 maxaddress x
add v type vxlan id 1 srcport 1
add v type vxlan id 1 srcport 1 x
add v type vxlan id 1 srcport x x
add v type vxlan id 1 dstport x
add v type vxlan id 1 dstport 77777
add v type vxlan id 1 nolearning learning
add v type vxlan id 1 nolearn learn
add v type vxlan id 1 foo
add v type vxlan id 1 vnifilter
add v type vxlan id 1 external
add v type vxlan dstport 0
say what the kernel refuses
add v type vxlan
add v type vxlan id 1 srcport 5 4 dstport 0
add v mtu 30 type vxlan id 1 dstport 0
add v address 01:00:00:00:00:01 type vxlan id 1 dstport 0
add v $M type vxlan id 1 remote fe80::1 dstport 4
say what is made
add v $M type vxlan id 42
see
add w type vxlan id 42 dstport 8472
new
add v $M type vxlan id 42 dev e0 dstport 4789 local 10.0.0.1 remote 10.0.0.2 nolearning
see
t ip netns exec a bridge fdb show dev v
add w $M type vxlan external dstport 4789
see w
ip -n a link del w
new
add v $M type vxlan external learning dstport 0
see
new
add v $M type vxlan vni 1 dstp 0 loc 10.0.0.1 rem 10.0.0.2 tt 3 dsf 4 age none maxa 4 por 3 5 noudpc no
see
new
add v $M type vxlan id 7 group 239.1.1.1 dev e0 dstport 0 ttl inherit tos inherit df inherit ageing 20
see
t "ip -n a -d -j link show v"
new
say limits of the MTU
add v $M mtu 1460 type vxlan id 9 dstport 4789 dev e0
t ip -n a link show v
t ip -n a link set v mtu 1400
t ip -n a link set v mtu 1451
t ip -n a link set e0 mtu 1300
t ip -n a link show v
t ip -n a link set v mtu 1251
t ip -n a link set v mtu 1250
t ip -n a link set e0 mtu 1500
new
add v $M mtu 9000 type vxlan id 9 dstport 4789
t ip -n a link show v
say changes
chg id 9
chg id 43
chg dstport 43
chg dstport 0
chg srcport 43 44
chg external
chg ttl inherit
chg udpcsum
chg maxaddress 4
chg proxy
t ip -n a link set v type vxlan
t ip -n a link set v mtu 1300 type vxlan local 10.0.0.77
t ip -n a link set e0 type vxlan id 2
chg remote 10.0.0.9 learning ttl 3 ageing 20 tos 0x10
see
t ip netns exec a bridge fdb show dev v
chg remote 10.0.0.10 dev e0
see
t ip netns exec a bridge fdb show dev v
chg df set tos inherit local 10.0.0.77 nolearning
see
t ip -n a link show type vxlan
t ip -n a link del e0
t ip -n a link
