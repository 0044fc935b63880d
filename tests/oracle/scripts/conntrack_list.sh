# conntrack: what pings leave behind, and how to choose, empty and count
# area: netfilter
# compare: set conntrack -[LD] — the order is that of a hash
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
# ct WORDS: conntrack on the node; ids are the kernel's own, and commands take their time
ct() { t "ip netns exec node conntrack $* 2>&1 | sed -E -f ids"; }
cat >ids <<'END'
s/id=[0-9]+/id=N/g
s/<id>[0-9]+/<id>N/g
s/^((ipv4 +2 )?[a-z]+ +[0-9]+) [0-9]{1,2} /\1 T /
s/<timeout>[0-9]{1,2}</<timeout>T</
s/ -t [0-9]{1,2} / -t T /
END
say nobody needs connections
t ip netns exec pod1 ping -c 1 10.2.0.2
ct -L
ct -C
say a rule does
t ip netns exec node iptables -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
t ip netns exec pod1 ping -c 2 -i 0.2 10.2.0.2
t ip netns exec pod2 ping -c 1 10.0.0.11
t ip netns exec node ping -c 1 10.1.0.2
say these are not answered
ip -n node route add 10.7.7.0/24 via 10.0.0.11
ip -n node route add 10.2.9.0/24 via 10.2.0.2
t ip netns exec pod1 ping -c 1 -W 0.3 10.7.7.7
t ip netns exec out ping -c 1 -W 0.3 10.2.9.9
sleep 0.4
ct -L
ct -L -o extended
ct -C
ct -L -p icmp -s 10.1.0.2
ct -L -s 10.1.0.0/24
ct -L -d 10.0.0.0/8
ct -L -d 10.2.0.2/32
ct -L --orig-dst 10.0.0.11
ct -L -r 10.0.0.11
ct -L -q 10.1.0.2
ct -L -p udp
ct -L -p icmp --icmp-type 8
ct -L -p icmp --icmp-type 0
ct -L -u UNREPLIED
ct -L -u SEEN_REPLY
ct -L -u ASSURED
ct -L -m 0
ct -L -m 1
ct -L -n
ct -L -g
ct -L -j
ct -L -f ipv4
ct -L -f ipv6
ct -L -w 0
ct -L dying
ct -L unconfirmed
ct -L expect
ct -C expect
ct -L --src=10.1.0.2 --reply-s 10.2.0.2
say deleted
ct -D -s 10.1.0.2
ct -L
ct -D -d 10.9.9.9
ct -D -u SEEN_REPLY -o extended
ct -L
ct -F
ct -L
ct -D
ct -C
say the rule goes, and with it the hooks
t ip netns exec pod1 ping -c 1 10.2.0.2
ct -C
t ip netns exec node iptables -D FORWARD 1
ct -C
ct -F
t ip netns exec pod1 ping -c 1 10.2.0.2
ct -C
ct -V
