# The MSS of TCP: from the device, from the route, from what was learned; TCPMSS clamps it; what a refused connection says
# area: netfilter
# frames: no — ports, sequence numbers and time stamps of TCP are drawn anew; the dumps show the options
ns a r b
pair a eth0 02:00:00:00:00:0a r ra 02:00:00:00:00:01
pair b eth0 02:00:00:00:00:0b r rb 02:00:00:00:00:02
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n r addr add 10.1.0.1/24 dev ra
ip -n r addr add 10.2.0.1/24 dev rb
ip -n b addr add 10.2.0.2/24 dev eth0
ip -n a route add default via 10.1.0.1
ip -n b route add default via 10.2.0.1
sys r net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0
I='ip netns exec r iptables'
get() { t "ip netns exec a curl -s -S --connect-timeout 0.5 http://$1/ 2>&1 | sed -E 's/after [0-9]+ ms/after T ms/'"; }
c() { get 10.2.0.2; }
d() { dump b b -i eth0 -n -t -v tcp; c; enddump; }
say of the device
d
say of the route: advmss, mtu, both
t ip -n a route replace default via 10.1.0.1 advmss 1000
d
t ip -n a route replace default via 10.1.0.1 mtu 1200
d
t ip -n a route replace default via 10.1.0.1 mtu 1200 advmss 700
d
t ip -n a route replace default via 10.1.0.1
say a path MTU that was learned
t ip -n r link set rb mtu 1300
t ip -n b link set eth0 mtu 1300
t ip netns exec a ping -c 1 -M do -s 1400 -W 0.3 10.2.0.2
t ip -n a route get 10.2.0.2
d
say TCPMSS on the way
t $I -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
d
t $I -t mangle -R FORWARD 1 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 500
d
t $I -t mangle -R FORWARD 1 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400
d
t "$I -t mangle -vnxL FORWARD | sed -E 's/ +/ /g'"
t $I -t mangle -F
t ip -n r route replace 10.2.0.0/24 dev rb src 10.2.0.1 mtu 900
t $I -t mangle -A POSTROUTING -o rb -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
d
say a tunnel on the way
ip -n r link add vx0 address 66:00:00:00:00:01 type vxlan id 5 remote 10.2.0.2 dstport 4789 dev rb
ip -n r addr add 10.9.0.1/24 dev vx0
ip -n r link set vx0 up
ip -n b link add vx0 address 66:00:00:00:00:02 type vxlan id 5 remote 10.2.0.1 dstport 4789 dev eth0
ip -n b addr add 10.9.0.2/24 dev vx0
ip -n b link set vx0 up
ip -n b route add 10.1.0.0/24 via 10.9.0.1
t $I -t mangle -A FORWARD -o vx0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
dump b b -i vx0 -n -t -v tcp
get 10.9.0.2
enddump
say refused by nobody there, by a reset, by an error, by silence, and behind NAT
c
t $I -A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset
c
for e in icmp-port-unreachable icmp-host-unreachable icmp-net-prohibited icmp-admin-prohibited; do
    t $I -R FORWARD 1 -p tcp --dport 80 -j REJECT --reject-with $e
    c
done
t $I -R FORWARD 1 -p tcp --dport 80 -j DROP
t "ip netns exec a curl -s -S --connect-timeout 0.5 http://10.2.0.2/ 2>&1 | cut -c1-10"
t $I -F
t $I -t nat -A PREROUTING -d 10.96.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.2.0.2:8080
t $I -t nat -A POSTROUTING -o rb -j MASQUERADE
dump a a -i eth0 -n -t tcp
dump b b -i eth0 -n -t tcp
get 10.96.0.1
enddump
t "ip netns exec r conntrack -L 2>/dev/null | sed -E 's/ id=[0-9]+//g; s/(sport|dport)=[0-9]{5}/\1=P/g; s/^([a-z]+ +[0-9]+) [0-9]+ /\1 T /; s/ use=.//' | grep 10.96"
