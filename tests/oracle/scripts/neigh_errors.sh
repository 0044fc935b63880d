# ip neigh: errors and forms
# area: neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
t ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
t ip -n a neigh add 10.0.0.3 dev v0
t ip -n a neigh add 10.0.0.3 lladdr 02:00:00:00:00:0b
t ip -n a neigh add lladdr 02:00:00:00:00:0b dev v0
t ip -n a neigh add 10.0.0.3 lladdr 02:00 dev v0
t ip -n a neigh add 10.0.0.3 lladdr zz dev v0
t ip -n a neigh add 10.0.0.3 lladdr 02:00:00:00:00:0b dev nope
t ip -n a neigh add hello lladdr 02:00:00:00:00:0b dev v0
t ip -n a neigh add 10.0.0.0/24 lladdr 02:00:00:00:00:0b dev v0
t ip -n a neigh add 10.0.0.3 lladdr 02:00:00:00:00:0b dev v0 nud nope
t ip -n a neigh add 10.0.0.3 lladdr 02:00:00:00:00:0b dev v0 frob
t ip -n a neigh add
t ip -n a neigh change 10.0.0.77 lladdr 02:00:00:00:00:0b dev v0
t ip -n a neigh del 10.0.0.77 dev v0
t ip -n a neigh del 10.0.0.2
t ip -n a neigh del
t ip -n a neigh show dev nope
t "ip -n a neigh show nud nope | sort"
t ip -n a neigh flush
t ip -n a neigh flush dev nope
t ip -n a neigh get 10.0.0.2
t ip -n a neigh get dev v0
t ip -n a neigh del proxy 10.5.0.77 dev v0
t ip -n a neigh frob
t ip -n a neigh add 10.0.0.1 lladdr 02:00:00:00:00:0c dev v0
t ip -n a neigh add 10.0.0.255 lladdr 02:00:00:00:00:0c dev v0
t ip -n a neigh add 127.0.0.1 lladdr 02:00:00:00:00:0c dev lo
t ip -n a neigh add 10.0.0.30 lladdr ff:ff:ff:ff:ff:ff dev v0
t ip -n a neigh add 10.0.0.31 lladdr 01:00:5e:00:00:01 dev v0
t ip -n a link add d0 address 02:00:00:00:00:09 type bridge
t ip -n a neigh add 10.0.0.32 lladdr 02:00:00:00:00:0c dev d0
t "ip -n a neigh | sort"
t ip -n a -4 neigh show 10.0.0.2
t ip -n a -6 neigh
t ip -n a -o neigh show 10.0.0.2
t ip -n a -br neigh show 10.0.0.2
t ip -n a -d neigh show 10.0.0.2
t ip -n a -j neigh show 10.0.0.2
t ip -n a -j -p neigh show 10.0.0.2 dev v0
t "ip -n a -c neigh show 10.0.0.2 | cat -v"
t ip -n a n show 10.0.0.2
t ip -n a nei sh 10.0.0.2
t ip -n a neighbour list 10.0.0.2
t ip -n a neighbor show 10.0.0.2
t ip -n a link set v0 down
t "ip -n a neigh show nud all | sort"
t ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
t "ip -n a neigh show nud all | sort"
