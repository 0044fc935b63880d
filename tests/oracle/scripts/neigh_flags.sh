# ip neigh: entries that a router, an agent or a protocol has made
# area: neighbour
# not modelled: all — router, extern_learn and protocol of a neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a neigh add 10.9.9.9 lladdr 02:00:00:00:00:99 dev v0 router
t ip -n a neigh add 10.9.9.8 lladdr 02:00:00:00:00:98 dev v0 extern_learn
t ip -n a neigh add 10.9.9.7 lladdr 02:00:00:00:00:97 dev v0 protocol static
t "ip -n a neigh | sort"
t "ip -n a neigh show nud permanent | sort"
t "ip -n a neigh show nud stale | sort"
t "ip -n a neigh show nud none | sort"
t ip -n a neigh flush all
t "ip -n a neigh show nud all | sort"
