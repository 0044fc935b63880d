# Options of tcp, udp, comment and MARK: what is taken, what is refused, how it is saved and listed; in both variants
# area: netfilter
ns a
for i in iptables-nft iptables-legacy; do
    ipt() { t ip netns exec a $i "$@"; }
    ipt -A FORWARD -p tcp -m tcp
    ipt -A FORWARD -p tcp -m tcp ! --dport 0:65535
    ipt -A FORWARD -p tcp -m tcp ! --dport 0:
    ipt -A FORWARD -p tcp -m tcp ! --sport 5 ! --dport 6:7 --syn
    ipt -A FORWARD -p tcp ! --syn
    ipt -A FORWARD -p tcp --tcp-option 5 ! --tcp-flags ALL NONE
    ipt -A FORWARD -p tcp ! --tcp-option 5
    ipt -A FORWARD -p tcp --tcp-flags NONE NONE
    ipt -A FORWARD -p tcp ! --tcp-flags NONE NONE
    ipt -A FORWARD -p tcp --tcp-flags SYN ALL
    ipt -A FORWARD -p tcp --dport http -m tcp --sport https
    ipt -A FORWARD -p tcp --dport http:443
    ipt -A FORWARD -p tcp --dport 5:4
    ipt -A FORWARD -p tcp --dport 65536
    ipt -A FORWARD -p tcp --dport foo
    ipt -A FORWARD -p tcp --dport
    ipt -A FORWARD -p tcp --dport 1 --dport 2
    ipt -A FORWARD -p tcp --tcp-flags SYN
    ipt -A FORWARD -p tcp --tcp-flags SYN,FOO ACK
    ipt -A FORWARD -p tcp --syn --tcp-flags SYN ACK
    ipt -A FORWARD -p tcp --tcp-option 0
    ipt -A FORWARD -p tcp --dp 44
    ipt -A FORWARD -p tcp --d 44
    ipt -A FORWARD -p udp -m udp
    ipt -A FORWARD -p udp --dport 1:2:3
    ipt -A FORWARD -p udp --dport :
    ipt -A FORWARD -p udp ! --dport :
    ipt -A FORWARD -p udp --dport 70000
    ipt -A FORWARD -p udp --dport -1
    ipt -A FORWARD -p udp --dport http ! --sport domain:53
    ipt -A FORWARD -p udp -m udp -m udp
    ipt -A FORWARD -p udp -m udp --dport 4 -m udp --dport 5
    ipt -A FORWARD -m udp --dport 4 
    ipt -A FORWARD -m comment --comment "''"
    ipt -A FORWARD -m comment --comment
    ipt -A FORWARD -m comment 
    ipt -A FORWARD -m comment ! --comment x
    ipt -A FORWARD -m comment --comment '"a\'"'"'b\"c\\d"'
    ipt -A FORWARD -m comment --comment xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    ipt -A FORWARD -m comment --comment a -m comment --comment b
    ipt -A FORWARD -j MARK --set-mark 1 --and-mark 2
    ipt -A FORWARD -j MARK --set-mark 1 --set-mark 2
    ipt -A FORWARD -j MARK --set-mark 
    ipt -A FORWARD -j MARK --set-mark z
    ipt -A FORWARD -j MARK --set-mark 1/z
    ipt -A FORWARD -j MARK --set-mark 1/2z
    ipt -A FORWARD -j MARK --set-mark 0x100000000
    ipt -A FORWARD -j MARK ! --set-mark 1
    ipt -A FORWARD -j MARK --and-mark z
    ipt -A FORWARD -j MARK --and-mark 0xff
    ipt -A FORWARD -j MARK --or-mark 0xff
    ipt -A FORWARD -j MARK --xor-mark 0xff
    ipt -A FORWARD -j MARK --set-xmark 0xff/0xf
    ipt -A FORWARD -j MARK --set-mark 0xff/0xf
    ipt -A FORWARD -j MARK --set-mark 0
    ipt -A FORWARD -j MARK --xor-mark 0
    ipt -S
    ipt -L -n -v
    ipt -L -n
    ipt -L
    ipt -F
done
