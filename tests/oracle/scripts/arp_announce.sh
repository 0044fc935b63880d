# arp_announce 0, 1, 2: the sender address of a request (F60, F63)
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a link add br0 address 02:00:00:00:00:09 type bridge
ip -n a addr add 172.17.0.1/16 dev br0
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.0.0.3/24 dev v0
ip -n a addr add 10.9.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n b route add default dev v1
for i in 0 1 2; do
    sys a net.ipv4.conf.all.arp_announce=$i
    say arp_announce=$i, sources 10.0.0.1 10.0.0.3 10.9.0.1 172.17.0.1
    dump a a -i v0 -n -t arp and arp[6:2]=1 and ether src 02:00:00:00:00:0a
    for s in 10.0.0.1 10.0.0.3 10.9.0.1 172.17.0.1; do
        ip -n a neigh flush all
        ip netns exec a ping -c 1 -W 0.3 -I $s 10.0.0.2 >/dev/null 2>&1
    done
    enddump
done
