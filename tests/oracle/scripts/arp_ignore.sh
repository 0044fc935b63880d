# arp_ignore and arp_filter: two interfaces on one segment (bridge)
# area: arp
ns sw a h
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge stp_state 0 mcast_snooping 0
ip -n sw link set br0 up
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair h e0 02:00:00:00:00:1a sw p1 02:00:00:00:01:01
pair h e1 02:00:00:00:00:1b sw p2 02:00:00:00:01:02
for p in p0 p1 p2; do ip -n sw link set $p master br0; done
ip -n a addr add 10.0.0.1/24 dev v0
ip -n h addr add 10.0.0.10/24 dev e0
ip -n h addr add 10.0.0.11/24 dev e1
ip -n h addr add 10.5.0.1/24 dev e1
ip -n h link set lo up
ip -n h addr add 10.6.0.1/32 dev lo
ip -n h addr add 10.0.0.12/32 dev e0 scope host
ip -n a route add 10.5.0.0/16 dev v0
ip -n a route add 10.6.0.0/16 dev v0
ask() { t "ip netns exec a arping -b -c 1 -w 1 -I v0 $1 | sed 's/  [0-9.]*ms//' | sort"; }
for i in 0 1 2 3 8; do
    sys h net.ipv4.conf.all.arp_ignore=$i
    say arp_ignore=$i
    for x in 10.0.0.10 10.0.0.11 10.5.0.1 10.6.0.1 10.0.0.12; do ask $x; done
done
sys h net.ipv4.conf.all.arp_ignore=0
say arp_filter=1
sys h net.ipv4.conf.all.arp_filter=1
for x in 10.0.0.10 10.0.0.11 10.5.0.1 10.6.0.1; do ask $x; done
