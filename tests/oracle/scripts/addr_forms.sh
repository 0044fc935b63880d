# ip addr: -d -s -j -p -c, abbreviations
# area: address
ns a b
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a addr add 10.0.0.2/24 dev v0
ip -n a addr add 10.9.0.1 peer 10.9.0.2/32 dev v0 label v0:p
ip -n a link set v0 up
t ip -n a -d addr show dev v0
t ip -n a -s addr show dev lo
t ip -n a -j addr
t ip -n a -j -p addr show dev v0
t ip -n a -p -j addr show dev lo
t ip -n a -j -4 addr show dev v0
t ip -n a -j -br addr
t ip -n a -j -d addr show dev v0
t ip -n a -j -o addr show dev v0
t "ip -n a -c addr | cat -v"
t "ip -n a -c=always addr show dev v0 | cat -v"
t "ip -n a -c=always -br addr | cat -v"
t "ip -n a -c=never addr show dev lo | cat -v"
t "ip -n a -c=nope addr"
t ip -n a a
t ip -n a ad show v0
t ip -n a addre s v0
t ip -n a address ls v0
t ip -n a address list v0
t ip -n a a s
t ip -n a a l
t ip -n a a a 10.0.5.1/24 dev v0
t ip -n a a d 10.0.5.1/24 dev v0
t ip -n a a sh up
t ip -n a -N a sh lo
t ip -netns a -brief address
t ip -oneline -family inet -netns a address
t ip -n a -f inet a s lo
t ip -n a -f nope a s lo
t ip -n a -j addr show dev nope
