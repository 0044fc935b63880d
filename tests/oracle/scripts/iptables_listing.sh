# Rules that say little, comparisons, counters of every size, -Z with numbers, -X of chains that are in use; in both variants
# area: netfilter
ns a
for i in iptables-nft iptables-legacy; do
    ipt() { t ip netns exec a $i "$@"; }
    ipt -A FORWARD -i +
    ipt -A FORWARD ! -i +
    ipt -A FORWARD ! -i eth+
    ipt -A FORWARD -s 0.0.0.0/0
    ipt -A FORWARD -s 1.2.3.4/0
    ipt -A FORWARD -s 0.0.0.0
    ipt -A FORWARD ! -d 0.0.0.0/0 
    ipt -A FORWARD -p 59
    ipt -A FORWARD -p 200
    ipt -A FORWARD -p 4
    ipt -A FORWARD -p tcp -m comment --comment x -m tcp --dport 5 -m comment --comment y -m tcp --sport 7
    ipt -S
    ipt -C FORWARD -p tcp -m tcp --sport 7 -m tcp --dport 5
    ipt -C FORWARD -p tcp  -m comment --comment x -m tcp --dport 5 --sport 7 -m comment --comment y
    ipt -C FORWARD -s 1.2.3.4/0
    ipt -C FORWARD -j ACCEPT
    ipt -N A
    ipt -N B
    ipt -A A -j B
    ipt -A B -j B
    ipt -X 
    ipt -A INPUT -j ACCEPT
    ipt -S
    ipt -F INPUT
    ipt -X INPUT
    ipt -F
    ipt -X
    ipt -L
    ipt -A FORWARD -j FORWARD
    ipt -A FORWARD -j OUTPUT
    ipt -A FORWARD -p icmp -j MARK --set-mark 5 -m comment --comment foo
    ipt -L -v
    ipt -L --line-numbers -x -n
    ipt -D FORWARD
    ipt -D FORWARD -p icmp -m comment --comment foo -j MARK --set-xmark 5
    ipt -A FORWARD -c 100000 99999
    ipt -A FORWARD -c 9999499 9999500
    ipt -A FORWARD -c 9999499999 9999500000
    ipt -A FORWARD -c 9999499999999 9999500000000000
    ipt -A FORWARD -c 18446744073709551615 18446744073709551616
    ipt -L FORWARD -v -n
    ipt -L FORWARD -v -n -x
    ipt -Z FORWARD 1
    ipt -Z FORWARD 2
    ipt -L FORWARD -v -n
    ipt -P FORWARD DROP -c 5 6
    ipt -S -v
    ipt -N X
    ipt -Z X -L
    ipt -Z -S 
    ipt -S FORWARD 1
    ipt -S FORWARD 1 -v
    ipt -S X
    ipt -L X 1 -v
    ipt -P FORWARD ACCEPT -x
    ipt --list-rules=X
    ipt -LX
    ipt -t filter -t nat -S
    ipt -F
    ipt -X
    ipt -P FORWARD ACCEPT
done
