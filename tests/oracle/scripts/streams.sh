# what goes to standard output and what to standard error
# area: tools
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n a route add prohibit 10.7.0.0/16
for c in "ip -n a addr add 10.0.0.1/24 dev v0" "ip -n a addr show dev nope" "ip -n a addr frob" "ip -n a route add 10.5.0.0/16 via 10.99.0.1" "ip -n a route get 9.9.9.9" "ip -n a route frob" "ip -n a addr del 10.9.9.9/32 dev v0" "ip frob" "ip -n a link help" "ip netns exec a ping -c 1 9.9.9.9" "ip netns exec a ping -c 1 10.7.0.1" "ip netns exec a ping" "ip netns exec a ping -c 1 -M do -s 2000 10.0.0.2" "ip netns exec a ping -c 1 -W 0.2 -b 10.0.0.255" "ip netns exec a ping -i x -c 1 127.0.0.1" "ip netns exec a arping" "ip netns exec a arping -c 1 -w 1 -I nope 10.0.0.2" "ip netns exec a sysctl net.nope" "ip netns exec a sysctl -w net.ipv4.ip_forward=x" "ip netns exec a arp -n 10.0.0.99" "ip netns exec a arp -d 10.0.0.99" "ip netns exec a route add default gw 10.99.0.1" "ip netns exec a tcpdump -i nope" "ip netns exec nope true" "ip -n nope link"; do
    t "$c 2>/dev/null | head -n 3"
done
