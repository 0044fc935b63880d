# tcpdump: -x -xx -X -XX -A
# area: tcpdump
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
for o in -x -xx -X -XX "-X -v" "-x -e"; do
    ip -n a neigh flush all
    ip -n b neigh flush all
    dump a a -i v0 -n -t $o
    ip netns exec a ping -c 1 -s 15 -p 61 10.0.0.2 >/dev/null
    enddump
done
say "-A: -M do gives IP id 0 and -e the ICMP id, so the request is always the same"
dump a a -i v0 -n -t -A "'arp or icmp[0]=8'"
dump v a -i v0 -n -t -v -X "'icmp[0]=8'"
ip -n a neigh flush all
ip netns exec a ping -c 1 -s 15 -p 61 -M do -e 77 10.0.0.2 >/dev/null
enddump
