# generated: proxy_arp_pvlan of all devices counts for each
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
sys b net.ipv4.neigh.w0.retrans_time_ms=50 net.ipv4.neigh.w0.mcast_solicit=1
sys a net.ipv4.ip_forward=1 net.ipv4.neigh.v0.proxy_delay=0 net.ipv4.neigh.v0.retrans_time_ms=50 net.ipv4.neigh.v0.mcast_solicit=1
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n b addr add 10.0.0.2/24 dev w0
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.9
sys a net.ipv4.conf.all.proxy_arp_pvlan=1
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.8
sys a net.ipv4.conf.all.proxy_arp_pvlan=0 net.ipv4.conf.v0.proxy_arp_pvlan=1
t ip netns exec b ping -n -c 1 -W 0.5 10.0.0.7
