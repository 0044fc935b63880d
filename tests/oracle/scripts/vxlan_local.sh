# two VXLAN devices of one host, marks, several VNIs on one port, and a tunnel in a tunnel
# area: tunnel
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
pair a f0 02:00:00:00:01:0a b f0 02:00:00:00:01:0b
i=0
for h in a b; do
    i=$((i + 1)); o=$((3 - i))
    [ $h = a ] && q=b || q=a
    ip -n $h addr add 10.0.0.$i/24 dev e0
    ip -n $h addr add 10.0.1.$i/24 dev f0
    ip -n $h neigh add 10.0.0.$o lladdr 02:00:00:00:00:0$q nud permanent dev e0
    ip -n $h neigh add 10.0.1.$o lladdr 02:00:00:00:01:0$q nud permanent dev f0
    for v in 7 8; do
        ip -n $h link add vx$v address 66:00:00:00:0$v:0$h type vxlan id $v remote 10.0.0.$o dstport 4789
        ip -n $h link set vx$v up
        ip -n $h addr add 10.9.$v.$i/24 dev vx$v
    done
done
say two networks
t ip netns exec a ping -c 1 10.9.7.2
t ip netns exec a ping -c 1 10.9.8.2
for v in 7 8; do t ip netns exec b bridge fdb show dev vx$v; done
say the mark of the packet chooses the way of the outer one
t ip -n a rule add fwmark 5 lookup 100
t ip -n a route add 10.0.0.2 via 10.0.1.2 dev f0 table 100
dump e0 a -i e0 -n -t udp
dump f0 a -i f0 -n -t udp
t ip netns exec a ping -c 1 -m 5 10.9.7.2
t ip netns exec a ping -c 1 10.9.7.2
enddump
say inside each other
for h in a/1/2 b/2/1; do
    n=${h%%/*}
    ip -n $n link add in address 66:00:00:00:09:0$n type vxlan id 9 remote 10.9.7.${h##*/} dev vx7 dstport 4789
    ip -n $n link set in up
    ip -n $n addr add 10.9.9.$(echo $h | cut -d/ -f2)/24 dev in
done
t ip -n a link show in
t ip netns exec a ping -c 1 10.9.9.2
t ip netns exec a ping -c 1 -s 1400 10.9.9.2
say to this host itself
t ip -n a link add la address 66:00:00:00:00:1a type vxlan id 20 dstport 4790 nolearning
t ip -n a link add lb address 66:00:00:00:00:1b type vxlan id 21 dstport 4790
t ip -n a link set la up
t ip -n a link set lb up
t ip -n a addr add 10.8.0.1/24 dev la
t ip -n a neigh add 10.8.0.2 lladdr 66:00:00:00:00:1b nud permanent dev la
t ip netns exec a bridge fdb add 66:00:00:00:00:1b dev la dst 10.0.0.1 vni 21
t ip netns exec a bridge fdb add 66:00:00:00:00:1c dev la dst 10.0.0.1 vni 22
t ip netns exec a ping -c 1 -W 0.3 10.8.0.2
t ip -n a neigh replace 10.8.0.2 lladdr 66:00:00:00:00:1c nud permanent dev la
t ip netns exec a ping -c 1 -W 0.3 10.8.0.2
t ip netns exec a bridge fdb show dev lb
for d in la lb; do t "ip -n a -s link show $d | grep -A1 X:"; done
