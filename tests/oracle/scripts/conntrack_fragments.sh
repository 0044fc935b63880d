# Fragments are joined before anybody looks, and cut again on the way out (F92, F173)
# area: netfilter
ns node out pod1 pod2
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
ip -n node addr add 10.0.0.10/24 dev eth0
ip -n out addr add 10.0.0.11/24 dev eth0
ip -n out route add default via 10.0.0.10
for n in 1 2; do
    pair pod$n eth0 02:00:00:00:01:0$n node veth$n 02:00:00:00:02:0$n
    ip -n node addr add 10.$n.0.1/24 dev veth$n
    ip -n pod$n addr add 10.$n.0.2/24 dev eth0
    ip -n pod$n route add default via 10.$n.0.1
done
sys node net.ipv4.ip_forward=1
I='ip netns exec node iptables'
t $I -A FORWARD -p icmp -f -j ACCEPT
t $I -A FORWARD -p icmp -m length --length 3000:4000 -j ACCEPT
dump out node -i veth2 -n -t -v icmp
t ip netns exec pod1 ping -c 1 -s 3000 -M dont 10.2.0.2
enddump
t "$I -vnxL FORWARD | sed -E 's/ +/ /g'"
t $I -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
t $I -Z
dump out node -i veth2 -n -t -v icmp
t ip netns exec pod1 ping -c 1 -s 3000 -M dont 10.2.0.2
enddump
t "$I -vnxL FORWARD | sed -E 's/ +/ /g'"
say a smaller way out
t ip -n node link set veth2 mtu 1450
t ip -n pod2 link set eth0 mtu 1450
dump out node -i veth2 -n -t -v icmp
t ip netns exec pod1 ping -c 1 -s 3000 -M dont 10.2.0.2
enddump
say a smaller way in
t ip -n pod1 link set eth0 mtu 1004
t ip -n node link set veth1 mtu 1004
dump out node -i veth2 -n -t -v icmp
t ip netns exec pod1 ping -c 1 -s 3000 -M dont 10.2.0.2
enddump
say to the node itself
t ip netns exec pod1 ping -c 1 -s 3000 -M dont 10.1.0.1
t ip netns exec node ping -c 1 -s 70 127.0.0.1
t ip -n node link set lo mtu 576
t ip netns exec node ping -c 1 -s 2000 -M dont 127.0.0.1
t ip netns exec node conntrack -C
