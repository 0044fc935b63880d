# gratuitous ARP of strangers and of neighbours: arp_accept 0, 1, 2, drop_gratuitous_arp, announcements and answers
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n b addr add 10.7.0.2/24 dev v1
sys b net.ipv4.neigh.v1.delay_first_probe_time=60
sys a net.ipv4.neigh.v0.delay_first_probe_time=60
for all in 0 1; do
    for m in 0 1 2; do
        sys a net.ipv4.conf.all.arp_accept=$all net.ipv4.conf.v0.arp_accept=$m
        for how in -U -A; do
            for x in 10.0.0.2 10.7.0.2; do
                say all=$all v0=$m: arping $how $x
                ip netns exec b arping -q -c 1 $how -I v1 $x
                t ip -n a neigh
                ip -n a neigh flush all
            done
        done
    done
done
sys a net.ipv4.conf.all.arp_accept=0 net.ipv4.conf.v0.arp_accept=0
say one that is known
t ip netns exec a ping -q -c 1 10.0.0.2
t ip -n a neigh
ip -n b link set v1 address 02:00:00:00:00:1b
sleep 1.2
t ip netns exec b arping -q -c 1 -U -I v1 10.0.0.2
t ip -n a neigh
say dropped where that is wanted
sys a net.ipv4.conf.v0.drop_gratuitous_arp=1
ip -n b link set v1 address 02:00:00:00:00:2b
sleep 1.2
for how in -U -A; do
    t ip netns exec b arping -q -c 1 $how -I v1 10.0.0.2
    t ip -n a neigh
done
t ip netns exec b ping -q -c 1 10.0.0.1
t ip -n a neigh
sys a net.ipv4.conf.v0.drop_gratuitous_arp=0
say a duplicate of the own address
dump v0 a -i v0 -n -t
ip -n b addr add 10.0.0.1/24 dev v1
t ip netns exec b arping -q -c 1 -U -I v1 10.0.0.1
t ip netns exec b arping -q -c 1 -A -I v1 10.0.0.1
t ip netns exec b arping -q -D -c 1 -w 1 -I v1 10.0.0.1
enddump
t ip -n a neigh
