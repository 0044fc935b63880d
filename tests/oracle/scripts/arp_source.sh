# ARP sender on an interface without an address: device order (F60)
# area: arp
ns a b
ip -n a link add d1 address 02:00:00:00:00:d1 type bridge
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a link add d2 address 02:00:00:00:00:d2 type bridge
ip -n b addr add 10.0.0.2/24 dev v1
ip -n b route add default dev v1
ip -n a route add 10.0.0.2 dev v0
ip -n a route add 10.0.0.7 dev v0
try() {
    dump a a -i v0 -n -t 
    ip netns exec a ping -c 1 -W 0.2 10.0.0.2 >/dev/null
    enddump
    t ip -n a route get 10.0.0.2
    ip -n a neigh flush all
}
say no address at all
try
say d2, created after v0
ip -n a addr add 10.22.0.1/24 dev d2
try
say d1, created before v0
ip -n a addr add 10.21.0.1/24 dev d1
try
say scope link on v0, then global on lo
ip -n a addr add 10.23.0.1/24 dev lo
try
ip -n a addr add 169.254.7.7/32 dev v0 scope link
try
say a global address on v0
ip -n a addr add 10.24.0.1/24 dev v0
try
say the address in the subnet of the target wins
ip -n a addr add 10.0.0.9/24 dev v0
try
