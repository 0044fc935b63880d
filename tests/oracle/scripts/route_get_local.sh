# "table local" is printed by route get only after a rule was added: until then
# local and main are one trie
# area: route
# not modelled: fib_trie — /proc/net/fib_trie
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
look() {
    t ip -n a route get 10.0.0.1
    t ip -n a route get 127.0.0.1
    t ip -n a route get 10.0.0.255
    t ip -n a route get 10.0.0.1 from 10.0.0.5 iif v0
    t ip -n a route get fibmatch 10.0.0.1
    t ip -n a -j route get 10.0.0.1
    t ip -n a route show table local
}
look
t ip -n a rule add prio 100 lookup 100
look
t ip -n a rule del prio 100
t ip -n a rule
t ip -n a route get 10.0.0.1
t ip netns exec a cat /proc/net/fib_trie
