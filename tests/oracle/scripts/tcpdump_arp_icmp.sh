# tcpdump: ARP and echo, options -e -v -vv -q -n, the header and footer lines
# area: tcpdump
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
one() {
    ip -n a neigh flush all
    ip -n b neigh flush all
    dump a a -i v0 "$@"
    ip netns exec a ping -c 1 -W 1 10.0.0.2 >/dev/null
    enddump
}
one -n -t
one -n -t -e
one -n -t -v
one -n -t -e -vv
one -n -t -vvv
one -n -t -q
one -n -t -q -e
one -t
one -nn -t
one -n -t -S
one -n -t -K -v
one -n -t '-#'
one -n -t -c 2
one -n -t -s 40
one -n -t -s 60 -v
one -n -t arp
one -n -t icmp
one -n -t icmp[icmptype]==icmp-echoreply
one -n -t -Q in
one -n -t -Q out
one -n -t -p
one -n -t --number -l -U
one -n -t -N
one -n -t -f
