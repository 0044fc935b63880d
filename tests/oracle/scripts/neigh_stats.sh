# ip -s neigh, the states after traffic, arp
# area: neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
t ip netns exec a ping -c 1 10.0.0.2
t ip -n a neigh
t ip -n a -s neigh
t ip -n a -s -s neigh
t ip -n b neigh
t ip -n b -s neigh
t ip -n a -j -s neigh
t ip netns exec a arp
t ip netns exec a arp -n
t ip netns exec a arp -a
t ip netns exec a arp -an
t ip netns exec a arp -e
t ip netns exec a arp -n 10.0.0.2
t ip netns exec a arp -n 10.0.0.77
t ip netns exec a arp -a 10.0.0.2
t ip netns exec a arp -n -i v0
t ip netns exec a arp -n -i lo
t ip netns exec a arp -n -v
t ip netns exec a arp -s 10.0.0.7 02:00:00:00:00:07
t ip netns exec a arp -s 10.0.0.8 02:00:00:00:00:08 temp
t ip netns exec a arp -s 10.99.0.7 02:00:00:00:00:07
t ip netns exec a arp -i v0 -s 10.99.0.7 02:00:00:00:00:07
t ip netns exec a arp -s 10.0.0.9 zz
t ip netns exec a arp -s 10.0.0.9
t ip netns exec a arp -s hello 02:00:00:00:00:07
t ip netns exec a arp -i v0 -Ds 10.5.0.1 v0 pub
t ip netns exec a ping -c 1 -W 0.1 10.0.0.66
t "ip netns exec a arp -n | sort"
t "ip netns exec a arp -an | sort"
t "ip netns exec a cat /proc/net/arp | sort"
t "ip -n a neigh | sort"
t "ip -n a neigh show proxy | sort"
t ip netns exec a arp -d 10.0.0.7
t ip netns exec a arp -d 10.0.0.7
t ip netns exec a arp -d 10.0.0.77
t ip netns exec a arp -d 10.0.0.66
t ip netns exec a arp -i v0 -d 10.99.0.7
t ip netns exec a arp -i v0 -d 10.5.0.1 pub
t "ip netns exec a arp -n | sort"
t "ip -n a neigh | sort"
sleep 3.3
t "ip netns exec a arp -n | sort"
t "ip -n a -s neigh | sort"
t ip netns exec a arp -frob
