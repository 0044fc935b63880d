# ip link set netns: what a device takes along, and what it leaves behind
# area: link
ns a b c
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.9/24 dev v1
ip -n a link set v0 mtu 1400 alias foo txqueuelen 7 group 5 promisc on
sys a net.ipv4.conf.v0.proxy_arp=1 net.ipv4.neigh.v0.retrans_time_ms=300
sys c net.ipv4.conf.default.rp_filter=2
ip -n a route add default via 10.0.0.9
ip -n a route add 10.9.0.0/16 via 10.0.0.9 table 7
ip -n a rule add iif v0 table 7
ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
ip -n a neigh add proxy 10.0.0.6 dev v0
ip netns exec a ping -q -c 1 10.0.0.9 >/dev/null
sleep 1.2
left() {
    t ip -n a link
    t ip -n a route show table all
    t ip -n a neigh
    t ip -n a neigh show proxy
    t ip -n a rule
}
t ip -n a link set v0 netns c
sleep 1.2
left
t ip -n c -d link show v0
t ip -n c addr show v0
t ip -n c route show table all
t ip netns exec c sysctl net.ipv4.conf.v0.proxy_arp net.ipv4.conf.v0.rp_filter net.ipv4.neigh.v0.retrans_time_ms
t ip netns exec a sysctl net.ipv4.conf.v0.proxy_arp
t ip -n b link show v1
t ip -n b route
say it lives on there
ip -n c addr add 10.0.0.1/24 dev v0
ip -n c link set v0 up
sleep 1.2
t ip netns exec c ping -q -c 1 10.0.0.9
t ip -n b link show v1
say back under another name and with another index
t ip -n c link set v0 netns a name w0 index 9
sleep 1.2
t ip -n a link show w0
t ip -n a rule
say into the namespace of its other end
t ip -n a link set w0 netns b
sleep 1.2
t ip -n b link
say where a name, an index or the namespace is not free
t ip -n c link add v1 type bridge
t ip -n b link set v1 netns c
t ip -n b link set v1 netns c name x1
t ip -n c link show x1
t ip -n b link set w0 netns c index 2
t ip -n b link set lo netns c
t ip -n b link set w0 netns nosuch
t ip -n b link set nosuch netns c
