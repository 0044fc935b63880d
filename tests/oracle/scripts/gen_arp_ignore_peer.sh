# generated: arp_ignore confirms an address by the subnet, which of a point-to-point address is the far end
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
sys b net.ipv4.neigh.w0.retrans_time_ms=50 net.ipv4.neigh.w0.mcast_solicit=1
t ip -n a addr add 10.0.0.1 peer 10.0.0.2/32 dev v0
t ip -n b addr add 10.0.0.2 peer 10.0.0.1/32 dev w0
sys a net.ipv4.conf.v0.arp_ignore=1
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.1
sys a net.ipv4.conf.v0.arp_ignore=2
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.1
sys a net.ipv4.conf.v0.arp_ignore=3
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.1
t ip -n a addr add 10.0.0.9/24 dev v0
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.1
sys a net.ipv4.conf.v0.arp_ignore=2
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.1
