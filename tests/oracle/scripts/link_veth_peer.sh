# what the other end of a new veth inherits: all without `peer`, nothing with it
# area: link
ns a b
t ip -n a link add v0 mtu 1400 txqueuelen 7 group 5 arp off multicast off broadcast 02:ff:ff:ff:ff:ff address 02:00:00:00:00:0a type veth
t "ip -n a link show v0 | head -1; ip -n a link show v0 | grep -o 'brd.*'"
t "ip -n a link show veth0 | head -1; ip -n a link show veth0 | grep -o 'brd.*'"
t ip -n a link add w0 mtu 1400 txqueuelen 7 group 5 arp off multicast off broadcast 02:ff:ff:ff:ff:ff type veth peer name w1
t "ip -n a link show w0 | head -1; ip -n a link show w0 | grep -o 'brd.*'"
t "ip -n a link show w1 | head -1; ip -n a link show w1 | grep -o 'brd.*'"
t ip -n a link add x0 type veth peer name x1 mtu 1300 txqueuelen 6 group 4 arp off broadcast 02:ff:ff:ff:ff:ff
t "ip -n a link show x0 | head -1; ip -n a link show x0 | grep -o 'brd.*'"
t "ip -n a link show x1 | head -1; ip -n a link show x1 | grep -o 'brd.*'"
t ip -n a link add y0 mtu 1400 netns b type veth peer mtu 1200
t "ip -n a -br link | grep -o '^veth.@[^ ]*'"
t ip -n b link show mtu
t "ip -n b link show y0 | head -1"
t ip -n a link add q0 mtu 1400 netns b type veth
t "ip -n b -br link | grep -o '^[a-z0-9]*@[^ ]*'"
t ip -n a link add z0 up mtu 1400 promisc on type veth
sleep 1.2
t "ip -n a link show type veth up | grep -v link/"
