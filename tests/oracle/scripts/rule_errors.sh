# ip rule: errors
# area: rule
ns a
t ip -n a rule add
t ip -n a rule add from hello table 1
t ip -n a rule add from 10.0.0.0/8
t ip -n a rule add table nope
t ip -n a rule add prio x table 5
t ip -n a rule add fwmark x table 5
t ip -n a rule add fwmark 1/x table 5
t ip -n a rule add fwmark -1 table 5
t ip -n a rule add goto 5 prio 10
t ip -n a rule add goto 10 prio 10
t ip -n a rule add goto 5
t ip -n a rule add frob
t ip -n a rule add from 10.0.0.0/8 table 7 prio 77
t ip -n a rule add from 10.0.0.0/8 table 7 prio 77
t ip -n a rule add from 10.0.0.0/8 table 7 prio 76
t ip -n a rule add table 0
t ip -n a rule add table 7 iif averyveryverylongname
t ip -n a rule del
t ip -n a rule del table 99
t ip -n a rule frob
t ip -n a rule add to 10.0.0.1/33 table 7
t ip -n a rule add from 10.1.2.3/8 table 7
t ip -n a rule add from 1.2.3.4 from 5.6.7.8 table 7
t ip -n a rule add suppress_prefixlength 0
t ip -n a rule
