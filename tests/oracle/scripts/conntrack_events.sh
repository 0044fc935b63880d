# conntrack -E: what it tells as it comes
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
t ip netns exec node iptables -A FORWARD -m conntrack --ctstate NEW -j ACCEPT
watch() { # watch FILE OPTIONS: begin
    local file=$1
    shift
    exec ip netns exec node conntrack -E "$@" >"$file" 2>&1 &
    watchers="$watchers $!"
}
told() { # what they heard; who asked for it is a number that nobody knows
    sleep 0.3
    kill $watchers
    wait $watchers
    watchers=
    for file in "$@"; do
        say "$file"
        sed -E 's/id[= ][0-9]+/id=N/g; s/<id>[0-9]+/<id>N/g; s/ \[USERSPACE\].*/ [USERSPACE]/; s/^\[[0-9]{10}\.[0-9]{6}\]/[T]/; s/(udp +17 |icmp +1 |-t |<timeout>)(29|30|59|60)( |<)/\1T\3/' "$file"
    done
}
watch plain
watch news -e NEW
watch ends -e DESTROY -o extended,id,timestamp
watch saved -o save
watch xml -o xml
watch pod1 -s 10.1.0.2
watch udp -p udp
sleep 0.5
t ip netns exec pod1 ping -c 2 -i 0.2 10.2.0.2
ip -n node route add 10.7.7.0/24 via 10.0.0.11
t ip netns exec pod2 ping -c 1 -W 0.3 10.7.7.7
t "ip netns exec node conntrack -D -s 10.2.0.2 2>&1 | sed 's/id=[0-9]*/id=N/g'"
t ip netns exec node conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 60
t "ip netns exec node conntrack -U -p udp -s 1.1.1.1 -m 5 2>&1 | sed 's/ 5[0-9] / T /; s/ 60 / T /'"
t "ip netns exec node conntrack -D -p udp 2>&1 | sed 's/ 5[0-9] / T /; s/ 60 / T /'"
t ip netns exec node conntrack -F
told plain news ends saved xml pod1 udp
say what began before is not told of
t ip netns exec pod1 ping -c 1 10.2.0.2
watch late
sleep 0.3
t ip netns exec node conntrack -F
told late
say nor is anything where nf_conntrack_events is 0
t ip netns exec node sysctl -w net.netfilter.nf_conntrack_events=0
watch none
sleep 0.3
t ip netns exec pod1 ping -c 1 10.2.0.2
told none
