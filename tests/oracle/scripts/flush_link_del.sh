# ip link del: the other end goes along, and all that hung on either
# area: link
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair a w0 02:00:00:00:00:1a b w1 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.1.0.1/24 dev w0
ip -n b addr add 10.0.0.9/24 dev v1
ip -n b addr add 10.1.0.9/24 dev w1
sys a net.ipv4.neigh.w0.delay_first_probe_time=60
for n in a b; do
    x=9
    [ $n = b ] && x=1
    ip -n $n route add 10.7.0.0/16 nexthop via 10.0.0.$x nexthop via 10.1.0.$x
    ip -n $n route add 10.8.0.0/16 via 10.0.0.$x
    ip -n $n route add 10.8.0.0/16 via 10.1.0.$x metric 9
    ip -n $n route add 10.9.0.0/16 via 10.0.0.$x table 7
done
ip -n a route add 10.10.0.0/16 via 10.1.0.9 src 10.0.0.1
ip -n a rule add iif v0 table 7
ip -n a rule add oif v0 table 7
ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
ip -n a neigh add proxy 10.0.0.6 dev v0
ip netns exec a ping -q -c 1 10.0.0.9 >/dev/null
ip netns exec a ping -q -c 1 10.1.0.9 >/dev/null
sleep 1.2
t ip -n b link del v1
sleep 0.3
for n in a b; do
    t ip -n $n link
    t ip -n $n route show table all
    t ip -n $n rule
    t "ip -n $n neigh | sort"
done
t ip -n a neigh show proxy
t ip netns exec a ping -q -c 1 10.7.0.1 -W 0.2
t ip netns exec a ping -q -c 1 10.1.0.9
say a new one of that name gets the next index and none of the old settings
sys a net.ipv4.conf.w0.rp_filter=2
t ip -n a link add v0 type veth peer name v1
t ip -n a -br link
t ip -n a rule
t ip -n a route show table all
say what cannot be deleted
t ip -n a link del lo
t ip -n a link del nosuch
t ip -n a link del
t ip -n a link del v0 v1
t ip -n a link del v0 type nosuch
t ip -n a -br link
say a namespace that goes
t ip netns del b
sleep 0.5
t ip -n a -br link
t ip -n a route
