# iptables-restore: what a table's text may say, what fails and what has taken effect then, in both variants
# area: netfilter
ns a
for i in iptables iptables-legacy; do
say $i
I() { t ip netns exec a $i "$@"; }
R() { printf '*filter\n:A - [0:0]\n-A A -s 2.2.2.2 -j ACCEPT\n-A A -s 3.3.3.3\n-A INPUT -j A\n-A INPUT -s 1.1.1.1\nCOMMIT\n*nat\nCOMMIT\n' | ip netns exec a $i-restore; printf '%s\n' "$@" > f; t "cat f; ip netns exec a $i-restore $O < f; echo status \$?; ip netns exec a $i-save -c | grep -v '^#\|ACCEPT .0:0.\|^COMMIT\|^[*]'"; }
O=
R '*filter' ':INPUT ACCEPT [1:2]' ':A - [3:4]' '-A INPUT -s 1.1.1.1 -j A' '[5:6] -A A -j DROP' COMMIT
O=-c
R '*filter' ':INPUT ACCEPT [1:2]' ':A - [3:4]' '-A INPUT -s 1.1.1.1 -j A' '[5:6] -A A -j DROP' COMMIT
R '*filter' '[5:6 -A INPUT -j DROP' COMMIT
R '*filter' '[5] -A INPUT -j DROP' COMMIT
R '*filter' '[x:6] -A INPUT -j DROP' COMMIT
R '*filter' '[5:6] [7:8] -A INPUT -j DROP' COMMIT
R '*filter' '-A INPUT -c 9 9 -j DROP' '[1:2] -A INPUT -c 3 4 -j ACCEPT' COMMIT
O=-n
R '*filter' ':A - [0:0]' '-A A -s 2.2.2.2 -j ACCEPT' COMMIT
R '*filter' '-A A -s 3.3.3.3 -j ACCEPT' COMMIT
R '*filter' '-I A 99 -s 4.4.4.4 -j ACCEPT' COMMIT
R '*filter' ':INPUT DROP [0:0]' COMMIT
R '*filter' '-P INPUT ACCEPT' '-E A B' '-A B -j LOG --log-prefix "x y"' COMMIT
R '*filter' '-F B' '-D INPUT -j B' '-X B' COMMIT
R '*filter' '-X B' COMMIT
R '*filter' '-N C' '-A INPUT -j C' '-X C' COMMIT
R '*filter' '-C INPUT -s 1.1.1.1 -j ACCEPT' COMMIT
R '*filter' '-Z' '-Z INPUT' COMMIT
R '*filter' '  -A INPUT -s 9.9.9.9' COMMIT
R '*filter' '-A   INPUT   -s   9.9.9.9  ' COMMIT
R '*filter' '-A INPUT -s 9.9.9.9 -m comment --comment ""' COMMIT
R '*filter' '-A INPUT -m comment --comment "a\"b" -j ACCEPT' COMMIT
R '*filter' '-A INPUT -m comment --comment a"b c"d -j ACCEPT' COMMIT
R '*filter' '-A INPUT -m comment --comment "a' '-A INPUT' COMMIT
R '*filter' '--append INPUT --source 1.2.3.4 --jump ACCEPT' COMMIT
R '*filter' '-A INPUT -j ACCEPT # hi' COMMIT
R '*filter' '-A INPUT -m conntrack --ctstate NEW -m tcp -p tcp --dport 80 -j ACCEPT' COMMIT
R '*filter' '-A INPUT -p tcp -j REJECT --reject-with tcp-reset' '-A INPUT -p udp -j REJECT --reject-with tcp-reset' COMMIT
R '*filter' 'COMMIT' '*mangle' '-A FORWARD -j DROP' 'COMMIT' '*nope' 'COMMIT'
R '*nat' ':KUBE-SVC - [0:0]' '-A KUBE-SVC -j KUBE-SEP' ':KUBE-SEP - [0:0]' COMMIT
R '*nat' ':KUBE-SVC - [0:0]' ':KUBE-SEP - [0:0]' '-A KUBE-SVC -j KUBE-SEP' '-X KUBE-SEP' COMMIT
R '*nat' ':KUBE-SVC - [0:0]' ':KUBE-SEP - [0:0]' '-A KUBE-SVC -j KUBE-SEP' '-A KUBE-SEP -j KUBE-SVC' COMMIT
R '*nat' '-X KUBE-SVC' COMMIT
R '*nat' '-F KUBE-SVC' '-X KUBE-SVC' '-X KUBE-SEP' COMMIT
O=-v
R '*nat' ':POSTROUTING ACCEPT [0:0]' ':X - [0:0]' '-A X -s 1.1.1.1,2.2.2.2 -j RETURN' '-I POSTROUTING -j X' COMMIT
O=-t
R '*nat' '-A POSTROUTING -s 1.1.1.1 -j RETURN' COMMIT
O='-T filter'
R '*nat' '-A POSTROUTING -s 1.1.1.1 -j RETURN' COMMIT '*filter' '-A INPUT -s 7.7.7.7' COMMIT
O='-w 5 -n'
R '*filter' '-w -A INPUT -s 7.7.7.7' COMMIT
R '*filter' '-A INPUT -s 7.7.7.7 -w' COMMIT
R '*filter' '-4 -A INPUT -s 7.7.7.7' COMMIT
R '*filter' '-6 -A INPUT -s 7.7.7.7' COMMIT
R '*filter' '-A INPUT -v -s 7.7.7.7' COMMIT
R '*filter' '-V' COMMIT
R '*filter' '-A INPUT -m' COMMIT
R '*filter' '-A' COMMIT
R '*filter' '-j ACCEPT' COMMIT
R '*filter' '-A INPUT -j' COMMIT
R '*filter' '-D INPUT 99' COMMIT
R '*filter' '-N A' '-N A' COMMIT
R '*filter' '-N INPUT' COMMIT
R '*filter' ':aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa - [0:0]' COMMIT
R '*filter' '-N aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' COMMIT
R '*filter' ': - [0:0]' COMMIT
R '*filter' ':A B - [0:0]' COMMIT
R '*' COMMIT
R '*filter extra' COMMIT
R 'COMMIT extra'
R '*filter' 'COMMITx'
R '*filter' '-P A DROP' COMMIT
R '*filter' '-P INPUT FOO' COMMIT
t "printf '*filter\n-A INPUT -s 8.8.4.4\nCOMMIT' | ip netns exec a $i-restore -n"
t "printf '*filter\n-A INPUT -s 8.8.4.5' | ip netns exec a $i-restore -n"
t "printf '' | ip netns exec a $i-restore -n"
t "printf '*filter\r\n-A INPUT -s 8.8.4.6\r\nCOMMIT\r\n' | ip netns exec a $i-restore -n"
t ip netns exec a $i -S
printf '*filter\n-A INPUT -s 7.7.7.7\nCOMMIT\n' > f
W() { t "ip netns exec a $i-restore $*"; }
W -w 5 f
W -w5 f
W --wait 5 f
W -w f
W -w x f
W -W f
W -W 100 f
W --wait-interval 100 f
W --wait-interval=100 f
W -W 100000000 f
W -w 5 -W 100 f
W -w -W 100 f
W -w -n f
W -w '!' f
W -w 5 -n -T filter f
W -nw 5 f
W -w -1 f
W -w 99999999999 f
W "-w < f"
W "-w 5 -W 100000 --noflush --counters < f"
O=
  R '*filter' '-A INPUT -j DROP' 'COMMIT' '*nat' '-A POSTROUTING -j FOO' 'COMMIT'
  R '*filter' '-A INPUT -j DROP'
  R '-A INPUT -j DROP' 'COMMIT'
  R '*filter' ':FOO - [0:0]' '-A FOO -j DROP' '-A INPUT -j FOO' 'COMMIT' '*filter' '-A FOO -j ACCEPT' COMMIT
  R '*foo' COMMIT
  R '*filter' ':INPUT DROP [5:6]' '[7:8] -A INPUT -s 1.1.1.1' '-I INPUT -s 2.2.2.2' '-D INPUT 1' COMMIT
  R '*filter' ':INPUT FOO [0:0]' COMMIT
  R '*filter' ':INPUT' COMMIT
  R '*filter' ':INPUT -' COMMIT
  R '*filter' ':A ACCEPT' COMMIT
  R '*filter' ':A - [x:y]' COMMIT
  R '*filter' ':A -' ':A -' COMMIT
  R '*filter' '-N A' '-A A -j DROP' COMMIT
  R '*filter' '-t nat -A POSTROUTING' COMMIT
  R '*filter' '-A INPUT --comment "x' COMMIT
  R '*filter' '-A INPUT -m comment --comment "x y" -j ACCEPT' COMMIT
  R '*filter' "-A INPUT -m comment --comment 'x y' -j ACCEPT" COMMIT
  R '*filter' '-A INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT' COMMIT
  R '*filter' '-F INPUT' '-X' '-Z' '-P INPUT DROP' COMMIT
  R '*filter' 'garbage' COMMIT
  R '# comment' '' '*filter' '# c' '' COMMIT
  R '*filter' '*nat' COMMIT
  R 'COMMIT'
  R '*filter' '-D INPUT -s 8.8.8.8' COMMIT
  R '*filter' '-A NOPE -s 8.8.8.8' COMMIT
  R '*filter' '-A INPUT -p tcp --dport foo' COMMIT
  R '*filter' '-A INPUT -m foo' COMMIT
  R '*filter' '-A INPUT -s 1.2.3.4' 'COMMIT' '*filter' '-A INPUT -s 1.2.3.4 -j NOPE' 'COMMIT'
O=-n
R '*filter' '-A INPUT -v -s 7.7.7.7' '-A INPUT -s 7.7.7.8' '-I INPUT -v -s 7.7.7.9,7.7.7.10' '-N AA' '-v -X AA' '-F -v' '-Z INPUT -v' '-F INPUT' COMMIT
R '*filter' '-vD INPUT -s 9.9.9.9' COMMIT
O=-v
R '*filter' ':A - [0:0]' '-A A -s 2.2.2.2' '-A INPUT -j A' COMMIT
R '*filter' ':A - [0:0]' '-A A -s 2.2.2.2' '-A INPUT -j A' '-F A' COMMIT
O='-v -n'
R '*filter' ':A - [0:0]' '-A A -s 2.2.2.2' '-A A -v -s 2.2.2.3' COMMIT
done
