# arping (iputils)
# area: tools
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a addr add 10.0.0.3/24 dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
t ip netns exec a arping -c 2 -i 0.2 -I v0 10.0.0.2
t ip netns exec a arping -c 2 -I v0 10.0.0.2
t ip netns exec a arping -c 1 -I v0 10.0.0.2
t ip netns exec a arping -c 1 10.0.0.2
t ip netns exec a arping -f -I v0 10.0.0.2
t ip netns exec a arping -q -c 1 -I v0 10.0.0.2
t ip netns exec a arping -b -c 2 -I v0 10.0.0.2
t ip netns exec a arping -c 1 -w 1 -I v0 10.0.0.9
t ip netns exec a arping -f -w 1 -I v0 10.0.0.9
t ip netns exec a arping -w 1 -I v0 10.0.0.9
t ip netns exec a arping -c 1 -s 10.0.0.3 -I v0 10.0.0.2
t ip netns exec a arping -c 1 -w 1 -s 10.9.9.9 -I v0 10.0.0.2
t ip netns exec a arping -D -c 1 -w 1 -I v0 10.0.0.2
t ip netns exec a arping -D -c 1 -w 1 -I v0 10.0.0.9
t ip netns exec a arping -D -q -c 1 -w 1 -I v0 10.0.0.9
t ip netns exec a arping -U -c 1 -w 1 -I v0 10.0.0.1
t ip netns exec a arping -A -c 1 -w 1 -I v0 10.0.0.1
t ip netns exec a arping -U -c 1 -w 1 -I v0 10.0.0.77
t ip netns exec a arping -U -c 1 -w 1 -s 10.0.0.77 -I v0 10.0.0.77
t ip netns exec a arping -c 1 -w 1 -I v0 10.0.0.1
say errors
t ip netns exec a arping -c 1 -I nope 10.0.0.2
t ip netns exec a arping -c 1 -I lo 10.0.0.2
t ip netns exec a arping -c 1 -I v0 hello
t ip netns exec a arping -c 1 -I v0
t ip netns exec a arping
t ip netns exec a arping -c x -I v0 10.0.0.2
t ip netns exec a arping -k -I v0 10.0.0.2
t ip netns exec a arping -V
ip -n a link set v0 down
t ip netns exec a arping -c 1 -I v0 10.0.0.2
ip -n a link set v0 up
ip -n a addr flush dev v0
t ip netns exec a arping -c 1 -w 1 -I v0 10.0.0.2
ip -n a link set v0 arp off
t ip netns exec a arping -c 1 -w 1 -I v0 10.0.0.2
