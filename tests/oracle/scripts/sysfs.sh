# /sys/class/net, /proc/net
# area: sysctl
# compare: no readlink — links under /sys are not simulated
# not modelled: carrier_changes — how often the carrier changed
# not modelled: ls /sys/class/net/v0 — lists of the files of a device
# not modelled: fib_trie — /proc/net/fib_trie
ns a b
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
ip -n a link add br0 address 02:00:00:00:00:09 type bridge
t ip netns exec a ls /sys/class/net
look() { for f in mtu address operstate carrier ifindex iflink flags type tx_queue_len speed duplex dormant addr_len broadcast carrier_changes ifalias link_mode name_assign_type; do t ip netns exec a cat /sys/class/net/$1/$f; done; }
look v0
say v0 up, peer down
ip -n a link set v0 up
for f in operstate carrier flags; do t ip netns exec a cat /sys/class/net/v0/$f; done
say both up
ip -n b link set v1 up
sleep 1.2
look v0
look lo
look br0
t ip netns exec a cat /sys/class/net/nope/mtu
t ip -n a link set v0 mtu 1400 txqueuelen 33
for f in mtu tx_queue_len; do t ip netns exec a cat /sys/class/net/v0/$f; done
t ip -n a link show v0
t ip netns exec a ls /sys/class/net/v0
t ip netns exec a ls /sys/class/net/v0/statistics
t ip netns exec a cat /sys/class/net/v0/statistics/rx_packets
t ip netns exec a readlink /sys/class/net/v0
t ip netns exec a cat /proc/net/dev
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
t ip netns exec a ping -c 1 10.0.0.2
t ip netns exec a cat /proc/net/dev
t ip -n a -s link show v0
t ip -n a -s link show lo
t ip netns exec a cat /proc/net/arp
t ip netns exec a cat /proc/net/route
t ip netns exec a cat /proc/net/fib_trie
t "ip netns exec a cat /proc/net/if_inet6"
