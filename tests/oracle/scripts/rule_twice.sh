# ip rule add: what makes two rules the same
# area: rule
ns a
t ip -n a rule add from 1.1.1.1 prio 5 table 7
t ip -n a rule add not from 1.1.1.1 prio 5 table 7
t ip -n a rule add from 1.1.1.1 prio 5 table 7 suppress_prefixlength 3
t ip -n a rule add from 1.1.1.1 prio 5 table 7 suppress_prefixlength 3
t ip -n a rule add from 1.1.1.1 prio 5 table 7 suppress_prefixlength 4
t ip -n a rule add from 1.1.1.1 prio 5 goto 7
t ip -n a rule add from 1.1.1.1 prio 5 goto 8
t ip -n a rule
