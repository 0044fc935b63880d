# rules at work, seen with ip route get and ping
# area: rule
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n a route add default via 10.0.0.2
t ip -n a route add default via 10.0.0.9 table 100
t ip -n a rule add fwmark 5 table 100
t ip -n a route get 8.8.8.8
t ip -n a route get 8.8.8.8 mark 5
t ip netns exec a ping -c 1 -W 0.2 -m 5 10.0.0.2
t ip -n a rule add to 9.9.9.9 unreachable
t ip -n a rule add to 9.9.9.8 prohibit
t ip -n a rule add to 9.9.9.7 blackhole
t ip -n a route get 9.9.9.9
t ip -n a route get 9.9.9.8
t ip -n a route get 9.9.9.7
t ip netns exec a ping -c 1 -W 0.2 9.9.9.9
t ip netns exec a ping -c 1 -W 0.2 9.9.9.8
t ip netns exec a ping -c 1 -W 0.2 9.9.9.7
say suppress_prefixlength 0: main without its default route
t ip -n a rule add prio 10 lookup main suppress_prefixlength 0
t ip -n a rule add prio 20 lookup 100
t ip -n a route get 8.8.8.8
t ip -n a route get 10.0.0.5
t ip -n a rule del prio 20
t ip -n a route get 8.8.8.8
say throw and unreachable inside a table
t ip -n a route replace throw default table 100
t ip -n a route get 8.8.8.8 mark 5
t ip -n a route replace unreachable default table 100
t ip -n a route get 8.8.8.8 mark 5
say from, iif lo, not
t ip -n a route replace default via 10.0.0.8 table 100
t ip -n a rule add from 10.0.0.1 table 100 prio 30
t ip -n a route get 8.8.8.8
t ip -n a route get 8.8.8.8 from 10.0.0.1
t ip -n a rule del prio 30
t ip -n a rule add iif lo table 100 prio 31
t ip -n a route get 8.8.8.8
t ip -n a rule del prio 31
t ip -n a rule add not to 8.0.0.0/8 table 100 prio 32
t ip -n a route get 8.8.8.8
t ip -n a route get 7.7.7.7
t ip -n a rule del prio 32
t ip -n a rule add goto 32766 prio 33
t ip -n a route get 8.8.8.8 mark 5
t ip -n a rule
say no local table
t ip -n a rule del prio 0
t ip -n a route get 10.0.0.1
t ip -n a route get 127.0.0.1
