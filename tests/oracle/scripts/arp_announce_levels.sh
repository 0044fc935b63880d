# arp_announce 0, 1, 2: the sender that a request names, with addresses on the device, on another and on lo
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair a w0 02:00:00:00:00:1a b w1 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.0.0.2/24 dev v0
ip -n a addr add 10.5.0.1/24 dev v0
ip -n a addr add 10.1.0.1/24 dev w0
ip -n a addr add 10.0.0.77/32 dev lo
ip -n a addr add 192.168.9.9/32 dev lo
ip -n b addr add 10.0.0.9/24 dev v1
ip -n b addr add 10.5.0.9/24 dev v1
ip -n b route add 10.1.0.0/24 via 10.0.0.1
ip -n b route add 192.168.9.9 via 10.0.0.1
sys a net.ipv4.neigh.v0.delay_first_probe_time=60
sys b net.ipv4.neigh.v1.delay_first_probe_time=60 net.ipv4.conf.all.arp_ignore=0
sleep 1.2
go() {
    dump v1 b -i v1 -n -t arp
    for s in 10.0.0.1 10.0.0.2 10.5.0.1 10.1.0.1 10.0.0.77 192.168.9.9; do
        for d in 10.0.0.9 10.5.0.9; do
            ip -n a neigh flush dev v0
            ip -n b neigh flush dev v1
            ip netns exec a ping -q -c 1 -W 0.1 -I $s $d >/dev/null
        done
    done
    ip -n a neigh flush dev v0
    ip netns exec a ping -q -c 1 -W 0.1 10.0.0.9 >/dev/null
    enddump
}
for all in 0 1 2; do
    say all=$all
    sys a net.ipv4.conf.all.arp_announce=$all
    go
done
say the larger of all and of the device
sys a net.ipv4.conf.all.arp_announce=1 net.ipv4.conf.v0.arp_announce=2
go
say by a gateway, for others
ip -n a neigh flush all
sys a net.ipv4.ip_forward=1 net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.v0.arp_announce=0
ip -n b addr add 10.1.0.9/24 dev w1
for m in 0 1 2; do
    sys a net.ipv4.conf.v0.arp_announce=$m
    ip -n a neigh flush all
    dump v1 b -i v1 -n -t arp
    ip -n b neigh flush dev w1
    ip netns exec b ping -q -c 1 -W 0.1 -I w1 10.0.0.200 >/dev/null
    sleep 0.2
    enddump
done
