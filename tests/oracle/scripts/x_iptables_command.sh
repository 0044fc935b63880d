# Every command of iptables and odd combinations of its options, in both variants
# area: netfilter
ns a
for i in iptables iptables-legacy; do
  say $i
  I() { t ip netns exec a $i "$@"; }
  I -N A
  I -N A
  I -A A -s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.0/24 -j ACCEPT
  I -I A 2 -s 9.9.9.9 -j DROP
  I -I A 7 -s 9.9.9.8
  I -I A 6 -s 9.9.9.7
  I -I A 0 -s 9.9.9.7
  I -I A -1 -s 9.9.9.7
  I -R A 1 -s 8.8.8.8 -j RETURN
  I -R A 1 -s 8.8.8.8,7.7.7.7 -j RETURN
  I -R A 99 -s 8.8.8.8 -j RETURN
  I -R A
  I -R A 0 -s 8.8.8.8
  I -D A 3
  I -D A 99
  I -D A 0
  I -D A x
  I -D A -s 2.2.2.2,1.1.1.1 -d 3.3.3.3 -j ACCEPT
  I -D A -s 2.2.2.2 -d 3.3.3.3 -j DROP
  I -D A
  I -C A -s 8.8.8.8 -j RETURN
  I -C A -s 8.8.8.9 -j RETURN
  I -C B -s 8.8.8.9 -j RETURN
  I -C A -s 8.8.8.9 -j NOSUCH
  I -C A
  I -S
  I -A FORWARD -j A
  I -X A
  I -X
  I -F A
  I -X A
  I -E A B
  I -E A C
  I -E B INPUT
  I -N C
  I -E B C
  I -S
  I -S B
  I -S B 1
  I -S FORWARD 1
  I -S FORWARD 2
  I -S FORWARD 0
  I -S NOPE
  I -L FORWARD 1
  I -L FORWARD 1 -v
  I -L FORWARD 2
  I -Z FORWARD 1
  I -Z FORWARD 9
  I -Z NOPE
  I -Z -L
  I -L -Z FORWARD
  I -P FORWARD DROP
  I -P FORWARD FOO
  I -P FORWARD RETURN
  I -P B DROP
  I -P NOPE DROP
  I -P FORWARD
  I -A FORWARD -g B
  I -A FORWARD -j FORWARD
  I -A FORWARD -j NOPE
  I -A FORWARD -g NOPE
  I -A B -j B
  I -A B -j C
  I -A C -j B
  I -A NOPE -j DROP
  I -S
  I -vnL
  I -A FORWARD -s '!' 1.2.3.4 -j ACCEPT
  I -A FORWARD '!' -s 1.2.3.4 -j ACCEPT
  I -A FORWARD '!' -s 1.2.3.4,5.6.7.8 -j ACCEPT
  I -A FORWARD '!' '!' -s 1.2.3.4 -j ACCEPT
  I -A FORWARD -i '!' eth0
  I -A FORWARD -p '!' tcp
  I -A FORWARD '!' -i eth+ '!' -o + 
  I -A FORWARD -s 1.2.3.4/255.0.255.0 
  I -A FORWARD -s 1.2.3/24 
  I -A FORWARD -s 10/8 
  I -A FORWARD -s 1.2.3.4/33 
  I -A FORWARD -s 0/0 
  I -A FORWARD '!' -s 0/0 
  I -A FORWARD -s 1.2.3.4/0 
  I -A FORWARD -s 1.2.3.4, 
  I -A FORWARD -s ,1.2.3.4
  I -A FORWARD -s 1.2.3.4 -s 1.2.3.4
  I -A FORWARD -i aaaaaaaaaaaaaaaaa
  I -A FORWARD -i '""'
  I -A FORWARD -i "'a b'"
  I -A FORWARD -i a/b
  I -A INPUT -o eth0
  I -A OUTPUT -i eth0
  I -A FORWARD -p 300
  I -A FORWARD -p 0
  I -A FORWARD '!' -p 0
  I -A FORWARD -p all
  I -A FORWARD -p ALL
  I -A FORWARD -p TCP
  I -A FORWARD -p esp
  I -A FORWARD -p 4
  I -A FORWARD -p 143
  I -A FORWARD -p ipv6-icmp
  I -A FORWARD -p icmpv6
  I -A FORWARD -p foo
  I -A FORWARD -f
  I -A FORWARD '!' -f -j DROP
  I -A FORWARD -c 5 6 -j DROP
  I -A FORWARD -c 5
  I -A FORWARD -c x 6
  I -A FORWARD -c 5,6
  I -t nope -L
  I -t
  I -t raw -S
  I -t mangle -S
  I -t nat -S
  I -t security -S
  I -t filter -t nat -S
  I -S
  I -nL
  I -L -v -n -x --line-numbers
  I -F
  I -F NOPE
  I -X NOPE
  I -X FORWARD
  I -N FORWARD
  I -N ACCEPT
  I -N -x
  I -N "'!x'"
  I -N "'a b'"
  I -N aaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  I -N aaaaaaaaaaaaaaaaaaaaaaaaaaaa
  I -N ''
  I -X
  I
  I -V
  I --foo
  I -A
  I -A FORWARD extra
  I -L FORWARD extra
  I -A FORWARD -D FORWARD
  I -j ACCEPT
  I -n
  I -A FORWARD -n -v --line-numbers -j ACCEPT
  I -A FORWARD --line-numbers -j ACCEPT
  I -A FORWARD -n -j ACCEPT
  I -v -A FORWARD -s 1.1.1.1,2.2.2.2 -j ACCEPT
  I -v -N VV
  I -v -X VV
  I -v -D FORWARD -s 1.1.1.1 -j ACCEPT
  I -v -D FORWARD 1
  I -v -I FORWARD -p tcp -m comment --comment hi -j DROP
  I -v -C FORWARD -p tcp -m comment --comment hi -j DROP
  I -v -F
  I -v -P FORWARD ACCEPT
  I -v -Z
  I -v -S
  I -w -L FORWARD
  I -w 5 -W 100 -L FORWARD
  I -W 100 -L FORWARD
  I -w x -L FORWARD
  I -4 -A FORWARD -j ACCEPT
  I -6 -A FORWARD -j ACCEPT
  I -F; I -P FORWARD ACCEPT; I -X
done
