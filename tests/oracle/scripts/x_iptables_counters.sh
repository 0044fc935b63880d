# Counters, comments and iptables-save: how they are read, listed and written, in both variants
# area: netfilter
ns a
for i in iptables iptables-legacy; do
  say $i
  I() { t ip netns exec a $i "$@"; }
  I -A INPUT -c 99999 99999
  I -A INPUT -c 100000 100000
  I -A INPUT -c 9999499 9999499
  I -A INPUT -c 9999500 9999500
  I -A INPUT -c 9999999 9999999
  I -A INPUT -c 10000000 10000000
  I -A INPUT -c 9999499999 9999500000
  I -A INPUT -c 9999999999 10000000000
  I -A INPUT -c 9999499999999 9999500000000
  I -A INPUT -c 99999999999999 100000000000000
  I -A INPUT -c 9999999999999999 18446744073709551615
  I -A INPUT -c 18446744073709551616 1
  I -A INPUT -c -1 1
  I -A INPUT -c 0x10 010
  I -vnL INPUT
  I -vnxL INPUT
  I -vL INPUT
  t "ip netns exec a $i-save -c | sed 's/ on [A-Z].. .*//'"
  t "ip netns exec a $i-save | sed 's/ on [A-Z].. .*//'"
  t "ip netns exec a $i-save -t nat | sed 's/ on [A-Z].. .*//'"
  t "ip netns exec a $i-save -t filter | sed 's/ on [A-Z].. .*//'"
  t "ip netns exec a $i-save -t foo | sed 's/ on [A-Z].. .*//'"
    t "ip netns exec a $i-save x | sed 's/ on [A-Z].. .*//'"
  t "ip netns exec a $i-save -M x -t filter | sed 's/ on [A-Z].. .*//'"
  I -F
  I -A INPUT -m comment --comment "'hello \"world\"'" -j ACCEPT
  I -A INPUT -m comment --comment "'it\\'" -j ACCEPT
  I -A INPUT -m comment --comment '"it'"'"'s \$x"' -j ACCEPT
  I -A INPUT -m comment --comment "nospace" -j ACCEPT
  I -A INPUT -m comment --comment "'a;b'" -j ACCEPT
  I -A INPUT -m comment --comment "'-j'" -j ACCEPT
  I -A INPUT -m comment --comment "'tab	x'" -j ACCEPT
  I -A INPUT -m comment --comment "'ü'" -j ACCEPT
  I -A INPUT -m comment --comment "$(printf 'x%.0s' {1..255})" -j ACCEPT
  I -A INPUT -m comment --comment "$(printf 'x%.0s' {1..256})" -j ACCEPT
  I -A INPUT -m comment --comment one -m comment --comment two -j ACCEPT
  I -A INPUT -m comment --comment one -p tcp -m tcp --dport 1 -m comment --comment two
  I -nL INPUT
  I -S INPUT
  t "ip netns exec a $i-save > s; grep -v '^#' s | sed 's/ on [A-Z].. .*//'"
  t "ip netns exec a $i-restore < s; ip netns exec a $i-save | grep -v '^#' | diff - <(grep -v '^#' s)"
  I -F
I -A INPUT -c -2 3
I -A INPUT -c +2 3
I -A INPUT -c -- 3
I -A INPUT -c 5, 3
I -A INPUT -c 5,-3
I -A INPUT -c 3 -5
I -A INPUT -c -0x10 5
I -A INPUT -c '" 7"' 5x
I -A INPUT -c 0x5 5
  I -vxnL INPUT
  I -F
t ip netns exec a $i -A INPUT -s 1.1.1.1 -j DROP
t ip netns exec a $i-save -f /nonexist/x
t ip netns exec a $i-save -f out -t filter
t "sed 's/ on [A-Z].. .*//' out"
t ip netns exec a $i-save -f ''
t ip netns exec a $i-save -f out -V
t ip netns exec a $i-save --file=out2 -c x
t "cat out out2"
t "ip netns exec a $i-save --file=out2 -c; sed 's/ on [A-Z].. .*//' out2"
t "ip netns exec a $i-save --file=out2 --file out -c -t filter; cat out2; sed 's/ on [A-Z].. .*//' out"
  I -F
done
say both
t ip netns exec a iptables -A FORWARD -j ACCEPT
t ip netns exec a iptables-legacy -A FORWARD -j DROP
t ip netns exec a iptables -S
t ip netns exec a iptables -L
t ip netns exec a iptables-legacy -S
t ip netns exec a iptables -t nat -S
t "ip netns exec a iptables-save | sed 's/ on [A-Z].. .*//'"
t "ip netns exec a iptables-legacy-save | sed 's/ on [A-Z].. .*//'"
t ip netns exec a iptables-nft -S
t ip netns exec a iptables -A FORWARD -j DROP
t "ip netns exec a iptables-nft-save -c | sed 's/ on [A-Z].. .*//'"
