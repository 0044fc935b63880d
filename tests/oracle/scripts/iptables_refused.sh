# What iptables refuses: options, chains, rules, numbers, policies, tables; in both variants
# area: netfilter
ns a
for i in iptables-nft iptables-legacy; do
    ipt() { t ip netns exec a $i "$@"; }
    ipt -A FOO -j ACCEPT
    ipt -A INPUT -j INPUT
    ipt -A INPUT -j FOO
    ipt -A INPUT -g FOO
    ipt -A INPUT -g ACCEPT
    ipt -N FOO
    ipt -N FOO
    ipt -N ACCEPT
    ipt -N MARK
    ipt -N INPUT
    ipt -N "'a b'"
    ipt -N -x
    ipt -N aaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ipt -N aaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ipt -A FOO -j FOO
    ipt -A INPUT -j FOO
    ipt -A FOO -j INPUT
    ipt -N BAR
    ipt -A FOO -j BAR
    ipt -A BAR -j FOO
    ipt -X FOO
    ipt -X NOPE
    ipt -X INPUT
    ipt -X
    ipt -F NOPE
    ipt -E NOPE X
    ipt -E FOO BAR
    ipt -E FOO INPUT
    ipt -E INPUT X
    ipt -E FOO MARK
    ipt -E FOO
    ipt -P INPUT
    ipt -P INPUT FOO
    ipt -P INPUT RETURN
    ipt -P INPUT QUEUE
    ipt -P FOO DROP
    ipt -P NOPE DROP
    ipt -t nat -P PREROUTING DROP
    ipt -t nat -A PREROUTING -j DROP
    ipt -t foo -L
    ipt -t foo -A INPUT
    ipt -I INPUT 3 -j ACCEPT
    ipt -I INPUT 2 -j ACCEPT
    ipt -I INPUT 0 -j ACCEPT
    ipt -I INPUT -j DROP
    ipt -R INPUT 9 -j DROP
    ipt -R INPUT 1 -j ACCEPT
    ipt -R INPUT -j ACCEPT
    ipt -D INPUT 9
    ipt -D INPUT -j DROP -s 1.2.3.4
    ipt -D INPUT 1
    ipt -C INPUT -j ACCEPT
    ipt -C INPUT -j DROP
    ipt -C NOPE -j DROP
    ipt -D NOPE -j DROP
    ipt -D INPUT -j NOPE
    ipt -C INPUT -j NOPE
    ipt -L NOPE
    ipt -S NOPE
    ipt -L INPUT 1
    ipt -L INPUT 77
    ipt -S INPUT 1
    ipt -Z INPUT 1
    ipt -Z INPUT 77
    ipt -Z NOPE
    ipt -Z NOPE 1
    ipt -S
    ipt -S -v
    ipt -L -Z INPUT
    ipt -n -L FOO --line-numbers
    ipt -A INPUT -m foo
    ipt -A INPUT -j foo
    ipt -A INPUT -s 1.2.3.4,5.6.7.8/8 -d 9.9.9.9,10.0.0.0/9 -j ACCEPT
    ipt -A INPUT ! -s 1.2.3.4,5.6.7.8/8
    ipt -A INPUT -s 300.1.1.1
    ipt -A INPUT -s foo.bar
    ipt -A INPUT -s 1.2.3.4/33
    ipt -A INPUT -s 10/8 -d 10.1 -i eth+ -o lo
    ipt -A FORWARD -s 10/8 -d 10.1/255.255.0.255 -i eth+ ! -o lo -f -p 47
    ipt -A FORWARD ! -s 0/0 ! -d 0.0.0.0 -i + ! -f -p gre
    ipt -A FORWARD ! -i + ! -o + -p all
    ipt -A FORWARD ! -p 0
    ipt -A FORWARD -p 256
    ipt -A FORWARD -p foo
    ipt -A FORWARD -p TCP
    ipt -A FORWARD ! -p 6 -i ethaaaaaaaaaaaaaaaaaaa
    ipt -A FORWARD  -i "''"
    ipt -A FORWARD  -i a/b
    ipt -A FORWARD -i eth0 -i eth1
    ipt -A FORWARD ! -j ACCEPT
    ipt -A FORWARD ! ! -i eth0
    ipt -A FORWARD foo
    ipt -A FORWARD -j ACCEPT !
    ipt -A FORWARD -n
    ipt -L -s 1.2.3.4
    ipt -L -A FORWARD
    ipt -F -A FORWARD
    ipt
    ipt -A
    ipt -k
    ipt -nk
    ipt --foo
    ipt --li
    ipt --s 1.2.3.4 -A FORWARD
    ipt -A FORWARD -c 5 6 -j ACCEPT
    ipt -A FORWARD -c 5,7 -j ACCEPT
    ipt -A FORWARD -c x 6
    ipt -A FORWARD -c 5
    ipt -L -v -n -x
    ipt -V
    ipt ! -V
    ipt -w -L BAR
    ipt -w 5 -L BAR
    ipt -w x -L BAR
    ipt -4 -L BAR
    ipt -6 -L BAR
    ipt -A FORWARD -j RETURN
    ipt -S
    ipt -F
    ipt -X
    ipt -v -N ZZ
    ipt -v -A INPUT -j ACCEPT
    ipt -v -A INPUT -s 1.2.3.4 -d 1.0.0.0/8 -p tcp --dport 80 -i lo -j MARK --set-mark 1
    ipt -v -I INPUT 1 -p udp -j ZZ
    ipt -v -C INPUT -j ACCEPT
    ipt -v -D INPUT -j ACCEPT
    ipt -v -F
    ipt -v -Z
    ipt -v -X
    ipt -v -P INPUT ACCEPT
done
say words that are stuck to options
for i in iptables-nft iptables-legacy; do
    ipt() { t ip netns exec a $i "$@"; }
    ipt -L -kn
    ipt -p tcp -kn
    ipt -A X --dport 5 -p tcp
    ipt -A X -W 5
    ipt -A X -- y
    ipt -A FORWARD -p tcp -m tcp -m udp --sport 5
    ipt -A FORWARD -p tcp -m tcp -m udp --sp 5
    ipt -A FORWARD -s1.2.3.4
    ipt -A FORWARD --src=1.2.3.4
    ipt -A FORWARD --jump=DROP
    ipt -A FORWARD -jDROP
    ipt -A FORWARD -ieth0
    ipt -A FORWARD --in-interface=eth0
    ipt -A FORWARD --protocol=tcp
    ipt -A FORWARD -ptcp
    ipt -A FORWARD -gX
    ipt -AFORWARD -mcomment --comment=x
    ipt -A FORWARD --match=mark --mark=5
    ipt --append=FORWARD --set-counters=7,8
    ipt -A FORWARD -m multiport --dports 80 -p tcp
    ipt -A FORWARD --numeric=5
    ipt -A FORWARD --src
    ipt -tfilter -S -v
done
