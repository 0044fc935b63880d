# ICMP errors that come back through NAT and through a tunnel: who hears them, about which packet (F196, F160)
# area: netfilter
# frames: no — answers to what was masqueraded leave by another source port of the tunnel than the question, and by the same one in podwire
ns pod node1 node2 end
pair pod eth0 02:00:00:00:01:01 node1 veth1 02:00:00:00:02:01
pair node1 eth0 02:00:00:00:00:01 node2 eth0 02:00:00:00:00:02
pair node2 veth2 02:00:00:00:02:02 end eth0 02:00:00:00:01:02
ip -n pod addr add 10.1.0.2/24 dev eth0
ip -n node1 addr add 10.1.0.1/24 dev veth1
ip -n pod route add default via 10.1.0.1
ip -n node1 addr add 10.0.0.1/24 dev eth0
ip -n node2 addr add 10.0.0.2/24 dev eth0
ip -n node2 addr add 10.2.0.1/24 dev veth2
ip -n end addr add 10.2.0.2/24 dev eth0
ip -n end route add default via 10.2.0.1
for n in 1 2; do
    ip -n node$n link add vx0 address 66:00:00:00:00:0$n type vxlan id 5 remote 10.0.0.$((3 - n)) dstport 4789 dev eth0
    ip -n node$n addr add 10.9.0.$n/24 dev vx0
    ip -n node$n link set vx0 up
done
ip -n node1 route add 10.2.0.0/24 via 10.9.0.2
ip -n node2 route add 10.1.0.0/24 via 10.9.0.1
for n in pod node1 node2 end; do sys $n net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0; done
N='ip netns exec node1 iptables -t nat'
p() { t ip netns exec pod ping -c 1 -W 0.3 "$@"; }
say masqueraded into the tunnel
t $N -A POSTROUTING -o vx0 -j MASQUERADE
dump pod pod -i eth0 -n -t -v icmp
dump end node2 -i vx0 -n -t -v icmp
p 10.2.0.2
p -t 2 10.2.0.2
p -s 1472 -M do 10.2.0.2
p -s 1422 -M do 10.2.0.2
enddump
say and to a service
t $N -A PREROUTING -d 10.96.0.0/16 -j DNAT --to-destination 10.2.0.2
dump pod pod -i eth0 -n -t -v icmp
p 10.96.0.1
p -t 2 10.96.0.2
p -s 1472 -M do 10.96.0.1
t ip netns exec pod tracepath -n -p 4000 -m 4 10.96.0.1
enddump
t ip -n pod route get 10.96.0.1
t ip -n pod route get 10.2.0.2
say a smaller way behind the tunnel
t ip -n node2 link set veth2 mtu 1300
t ip -n end link set eth0 mtu 1300
p -s 1400 -M do 10.96.0.3
p -s 1400 -M do 10.96.0.3
t ip -n pod route get 10.96.0.3
t ip -n node1 route get 10.2.0.2
say refused at the end, by a rule and by nobody
t ip netns exec end iptables -A INPUT -p icmp -j REJECT --reject-with icmp-host-prohibited
p 10.96.0.4
t ip -n node2 route add unreachable 10.2.0.2
p 10.96.0.5
t ip -n node2 route del unreachable 10.2.0.2
t "ip netns exec node1 conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/^([a-z]+ +[0-9]+) [0-9]+ /\1 T /; s/ use=.//' | grep icmp | sort -u"
t "$N -vnxL | sed -E 's/ +/ /g'"
say errors of the outer path: the tunnel end hears them
t ip -n node1 route add 10.0.0.2 via 10.0.0.2 mtu 1400
p -s 1422 -M do 10.2.0.2
p -s 1400 -M do 10.2.0.2
