# ip link show: -d -s -br -j -c -o and abbreviations
# area: link
# not modelled: help — the help texts of objects
ns a b
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
ip -n a link add br0 address 02:00:00:00:00:09 type bridge
ip -n a link set v0 up
t ip -n a -d link show v0
t ip -n a -d link show lo
t ip -n a -d link show br0
t ip -n a -s link show v0
t ip -n a -s -s link show lo
t ip -n a -s -d link show v0
t ip -n a -s -h link show lo
t ip -n a -br link
t ip -n a -o link
t ip -n a -o -s link show v0
t ip -n a -j link
t ip -n a -j -p link show v0
t ip -n a -j -s link show v0
t ip -n a -j -d link show v0
t ip -n a -j -br link
t "ip -n a -c link | cat -v"
t "ip -n a -c -br link | cat -v"
t ip -n a l
t ip -n a li sh v0
t ip -n a link ls dev v0
t ip -n a link list v0
t ip -n a link show type veth
t ip -n a link show type bridge
t ip -n a link show type dummy
t ip -n a link show type nope
t ip -n a link show up
t ip -n a link show nope
t ip -n a link show dev nope
t ip -n a link show dev
t ip -n a link sh v0 up
t ip -n a link frob
t ip -n a -4 link show v0
t ip -n a -6 link show v0
t ip -n a -t link show v0
t ip -n a link help
