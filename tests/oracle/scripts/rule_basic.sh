# ip rule
# area: rule
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a rule
t ip -n a rule add from 10.1.0.0/16 table 100
t ip -n a rule add to 10.2.0.0/16 lookup 101
t ip -n a rule add from 10.1.2.3 to 10.2.0.0/16 lookup main
t ip -n a rule add fwmark 0x1 table 100
t ip -n a rule add fwmark 0x200/0xf00 lookup 2004 pref 9
t ip -n a rule add iif v0 table 102
t ip -n a rule add oif v0 table 103
t ip -n a rule add iif nope table 103
t ip -n a rule add iif lo table 104
t ip -n a rule add not from 10.5.0.0/16 table 105
t ip -n a rule add from 10.6.0.0/16 blackhole
t ip -n a rule add from 10.7.0.0/16 prohibit
t ip -n a rule add from 10.8.0.0/16 unreachable
t ip -n a rule add from all lookup main suppress_prefixlength 0 priority 50
t ip -n a rule add from 10.9.0.0/16 goto 32766
t ip -n a rule add from 10.9.1.0/24 goto 31000
t ip -n a rule add tos 0x10 table 106
t ip -n a rule add ipproto tcp dport 80 table 107
t ip -n a rule add sport 1000-2000 table 107 prio 40
t ip -n a rule add uidrange 0-10 table 108
t ip -n a rule add table 109 protocol static
t ip -n a rule add from all nop prio 60
t ip -n a rule
t ip -n a rule show table 100
t ip -n a rule list from 10.1.0.0/16
t ip -n a rule show fwmark 1
t ip -n a rule show prio 50
t ip -n a -d rule show prio 50
t ip -n a -j rule show
t ip -n a -j -p rule show prio 9
t ip -n a -o rule show prio 9
t ip -n a -N rule show prio 32766
t "ip -n a -c rule show prio 9 | cat -v"
t ip -n a ru
t ip -n a rule del from 10.1.0.0/16 table 100
t ip -n a rule del prio 50
t ip -n a rule del table 109
t ip -n a rule del fwmark 1
t ip -n a rule del prio 12345
t ip -n a rule del from 9.9.9.9
t ip -n a rule flush
t ip -n a rule
t ip -n a rule del prio 0
t ip -n a rule
