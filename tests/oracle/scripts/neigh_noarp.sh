# entries that need no question: broadcast addresses, groups, lo, devices without ARP
# area: neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
sleep 1.2
t "ip -n a neigh show nud all | sort"
t ip netns exec a ping -q -c 1 -W 0.2 -b 10.0.0.255
t "ip -n a neigh show nud all | sort"
t ip netns exec a ping -q -c 1 -W 0.2 -I v0 224.0.0.5
t "ip -n a neigh show nud all | sort"
t ip netns exec a ping -q -c 1 -W 0.2 127.0.0.1
t "ip -n a neigh show nud all | sort"
t ip netns exec a ping -q -c 1 -W 0.2 10.0.0.1
t "ip -n a neigh show nud all | sort"
say a device without ARP, and its groups
ip -n a link set v0 arp off
t ip netns exec a ping -q -c 1 -W 0.2 10.0.0.2
t ip netns exec a ping -q -c 1 -W 0.2 -I v0 224.0.0.6
t "ip -n a neigh show nud all | sort"
ip -n a link set v0 arp on
t "ip -n a neigh show nud all | sort"
say made by hand
for x in 10.0.0.255 224.0.0.9 255.255.255.255 0.0.0.0 10.0.0.9; do
    t ip -n a neigh add $x dev v0 nud none
    t ip -n a neigh add $x dev lo nud none
done
t "ip -n a neigh show nud all | sort"
t ip netns exec a arp -n
t ip -n a neigh flush all
t "ip -n a neigh show nud all | sort"
t ip -n a neigh flush nud noarp
t "ip -n a neigh show nud all | sort"
say on lo
t ip -n a neigh add 127.0.0.1 lladdr 02:00:00:00:00:01 dev lo
t ip -n a neigh add 127.0.0.1 lladdr 02:00:00:00:00:02 dev lo
t ip -n a neigh show nud all dev lo
t ip -n a neigh change 127.0.0.1 lladdr 02:00:00:00:00:03 dev lo
t ip -n a neigh replace 127.0.0.1 lladdr 02:00:00:00:00:04 dev lo
t ip -n a neigh add 0.0.0.0 lladdr 02:00:00:00:00:05 dev lo
t ip -n a neigh change 0.0.0.0 lladdr 02:00:00:00:00:06 dev lo
t ip -n a neigh show nud all dev lo
t ip -n a neigh get 127.0.0.1 dev lo
t ip -n a neigh get 0.0.0.0 dev lo
t ip -n a neigh del 127.0.0.1 dev lo
t ip -n a neigh del 0.0.0.0 dev lo
t ip -n a neigh del 0.0.0.0 dev lo
t ip -n a neigh show nud all dev lo
