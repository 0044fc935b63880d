# which address of a range, and which id: chosen by a hash without secret (nf_nat_core.c, find_best_ips_proto)
# area: netfilter
ns node pod out
pair pod eth0 02:00:00:00:01:01 node veth1 02:00:00:00:02:01
pair node eth0 02:00:00:00:00:10 out eth0 02:00:00:00:00:11
ip -n node addr add 10.1.0.1/24 dev veth1
for i in 2 3 4 77; do ip -n pod addr add 10.1.0.$i/24 dev eth0; done
ip -n pod route add default via 10.1.0.1
ip -n node addr add 10.0.0.10/24 dev eth0
for i in 11 12 200; do ip -n out addr add 10.0.0.$i/24 dev eth0; done
ip -n out route add 10.9.0.0/16 via 10.0.0.10
sys node net.ipv4.ip_forward=1
flows() { t "ip netns exec node conntrack -L 2>/dev/null | sed -E 's/^(icmp +1) [0-9]+/\1 T/' | sort"; }
N='ip netns exec node iptables -t nat'
for option in '' --persistent; do
    t $N -F
    t ip netns exec node conntrack -F
    t $N -A POSTROUTING -o eth0 -j SNAT --to-source 10.9.0.1-10.9.0.50 $option
    t $N -A PREROUTING -d 10.96.0.0/16 -j DNAT --to-destination 10.0.0.11-10.0.0.12 $option
    # One id for all three: the address stays, too. Two ids for services, that may be one.
    for s in 2 3 4 77; do
        for d in 10.0.0.11 10.0.0.12 10.0.0.200; do
            ip netns exec pod ping -e $s -c 1 -I 10.1.0.$s $d >/dev/null
        done
        ip netns exec pod ping -e 1$s -c 1 -I 10.1.0.$s 10.96.0.1 >/dev/null
        ip netns exec pod ping -e 2$s -c 1 -I 10.1.0.$s 10.96.7.7 >/dev/null
    done
    flows
done
say ids of a range
t $N -F
t ip netns exec node conntrack -F
t $N -A POSTROUTING -p icmp -o eth0 -j SNAT --to-source 10.0.0.10:7-7
t ip netns exec pod ping -e 1000 -c 1 -I 10.1.0.2 10.0.0.11
t ip netns exec pod ping -e 1001 -c 1 -I 10.1.0.2 10.0.0.12
flows
say the same id again: a clash
t ip netns exec pod ping -e 1002 -c 1 -W 0.3 -I 10.1.0.3 10.0.0.11
flows
say networks
t $N -F
t ip netns exec node conntrack -F
t $N -A PREROUTING -d 10.96.5.0/24 -j NETMAP --to 10.0.0.0/24
t $N -A POSTROUTING -s 10.1.0.0/24 -j NETMAP --to 10.9.3.0/24
t ip netns exec pod ping -e 5 -c 1 -I 10.1.0.3 10.96.5.12
flows
say to this host
t $N -F
t ip netns exec node conntrack -F
t $N -A PREROUTING -i veth1 -j REDIRECT
t $N -A OUTPUT -d 10.0.0.200 -j REDIRECT
t ip netns exec pod ping -e 5 -c 1 10.0.0.200
t ip netns exec node ping -e 6 -c 1 10.0.0.200
flows
