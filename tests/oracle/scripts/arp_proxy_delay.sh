# proxy_delay: broadcast requests wait up to 0.8 s, unicast ones do not (F41)
# area: arp
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/16 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.0.1.254/24 dev r1
ip -n b addr add 10.0.1.2/24 dev v1
ip -n b route add default via 10.0.1.254
sys r net.ipv4.ip_forward=1 net.ipv4.conf.r0.proxy_arp=1
t ip netns exec r sysctl net.ipv4.neigh.r0.proxy_delay net.ipv4.neigh.r0.proxy_qlen
dump a a -i v0 -n -t -e
t ip netns exec a ping -c 1 -W 2 10.0.1.2
t ip -n a neigh
enddump
say the second probe of arping is unicast
t ip netns exec a arping -c 2 -w 3 -I v0 10.0.1.2
t ip netns exec a arping -c 1 -w 1 -I v0 10.0.0.99
sys r net.ipv4.neigh.r0.proxy_delay=0
t ip netns exec a arping -c 1 -w 1 -I v0 10.0.1.99
