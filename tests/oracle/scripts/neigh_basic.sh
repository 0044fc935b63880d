# ip neigh: add, replace, change, del, flush, show
# area: neighbour
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a neigh
t ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
t ip -n a neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 dev v0 nud permanent
t ip -n a neigh add 10.0.0.4 lladdr 02:00:00:00:00:04 dev v0 nud reachable
t ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0 nud stale
t ip -n a neigh add 10.0.0.6 lladdr 02:00:00:00:00:06 dev v0 nud noarp
t ip -n a neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0 nud failed
t ip -n a neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev v0 nud none
t ip -n a neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud delay
sleep 0.1 # it is to be probed at once
t ip -n a neigh add 10.0.0.10 lladdr 02:00:00:00:00:10 dev v0 nud probe
sleep 0.1
t ip -n a neigh add 10.0.0.11 dev v0 nud incomplete
t ip -n a neigh add 10.0.0.12 lladdr 02:00:00:00:00:12 dev v0 nud incomplete
t ip -n a neigh add proxy 10.5.0.1 dev v0
t "ip -n a neigh | sort"
t "ip -n a neigh show proxy | sort"
t "ip -n a neigh show nud permanent | sort"
t "ip -n a neigh show nud stale | sort"
t "ip -n a neigh show nud reachable | sort"
t "ip -n a neigh show nud failed | sort"
t "ip -n a neigh show nud noarp | sort"
t "ip -n a neigh show nud none | sort"
t "ip -n a neigh show nud all | sort"
t ip -n a neigh show 10.0.0.3
t "ip -n a neigh show to 10.0.0.4/30 | sort"
t ip -n a neigh show dev lo
t "ip -n a neigh show dev v0 | sort"
t "ip -n a neigh show unused | sort"
t ip -n a neigh get 10.0.0.3 dev v0
t ip -n a neigh get 10.0.0.77 dev v0
t ip -n a neigh change 10.0.0.3 lladdr 02:00:00:00:00:33 dev v0
t ip -n a neigh change 10.0.0.5 dev v0 nud permanent
t ip -n a neigh replace 10.0.0.4 lladdr 02:00:00:00:00:44 dev v0 nud stale
t ip -n a neigh replace 10.0.0.20 lladdr 02:00:00:00:00:20 dev v0
t ip -n a neigh del 10.0.0.2 dev v0
t ip -n a neigh del 10.0.0.2 dev v0
t ip -n a neigh del proxy 10.5.0.1 dev v0
t "ip -n a neigh show nud all | sort"
t ip -n a neigh flush 10.0.0.4
t ip -n a neigh flush dev v0
t "ip -n a neigh show nud all | sort"
t ip -n a neigh flush nud permanent
t ip -n a -s neigh flush dev v0 nud all
t "ip -n a neigh show nud all | sort"
t ip -n a neigh flush all
t ip -n a -s -s neigh flush all
t "ip -n a neigh show nud all | sort"
