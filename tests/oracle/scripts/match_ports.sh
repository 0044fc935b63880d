# what iptables says and prints of the matches tcp, udp, sctp, icmp and multiport
# area: netfilter
rules() {
    for i in iptables-nft iptables-legacy; do
        while read -r rule; do t "$i -t $1 -A $2 $rule"; done <rules
        t $i -t $1 -S $2
        t $i -t $1 -vL $2
        t $i -t $1 -vnL $2
        $i -t $1 -F
    done
}
cat >rules <<'END'
-m tcp --dport 80
-m udp --dport 80
-m tcp
-m sctp --dport 80
-m icmp --icmp-type 8
! -p tcp -m icmp --icmp-type 8
-p udp ! --dport 80 ! --sport 99
-p tcp ! --dport 0:80
-p tcp ! --dport 0:65535
-p tcp ! --dport 1:65535
-p tcp ! --dport 0:65534
-p tcp ! --dport 0
-p tcp --dport 0
-p tcp --dport 0:0
-p tcp --dport :0
-p tcp --dport 65535:
-p tcp --dport :
-p udp --dport :
-p udp --dport 1:2:3
-p tcp --dport 1:2:3
-p tcp --dport 80:10
-p udp --dport 80:10
-p tcp --dport http:https
-p tcp --dport www
-p udp --dport domain
-p tcp --dport 0x50
-p tcp --dport 65536
-p udp --dport 65536
-p udp --dport nix
-p tcp --dport nix
-p tcp --dport -1
-p udp --dport -1
-p tcp --dport 010
-p udp --dport 010
-p tcp --syn
-p tcp ! --syn
-p tcp --tcp-flags ALL NONE
-p tcp --tcp-flags NONE NONE
-p tcp ! --tcp-flags NONE NONE
-p tcp --tcp-flags syn,ack syn
-p tcp --tcp-flags SYN,XX NONE
-p tcp --tcp-flags SYN
-p tcp --syn --tcp-flags SYN SYN
-p tcp --tcp-option 2
-p tcp ! --tcp-option 2 --dport 80
-p tcp --tcp-option 0
-p tcp --tcp-option 256
-p tcp --tcp-flags NONE SYN --dport 5
-p tcp --sport 5 --dport 7 --syn
-p tcp --dport 5 --dport 7
-p udp --dport 5 --destination-port 7
-p tcp ! --sport 5 ! --dport 7
-p udp -m udp
-p tcp -m tcp
-p icmp --icmp-type echo-request
-p icmp --icmp-type any
-p icmp ! --icmp-type any
-p icmp --icmp-type 3/1
-p icmp ! --icmp-type 8/0
-p icmp --icmp-type network
-p icmp --icmp-type 255
-p icmp --icmp-type 255/3
-p icmp --icmp-type 256
-p icmp --icmp-type 8x
-p icmp --icmp-type 3/300
-p icmp --icmp-type 3/1:5
-p icmp --icmp-type 3:4
-p icmp --icmp-type host-unr
-p icmp --icmp-type pin
-p icmp --icmp-type PONG
-p icmp --icmp-type redirect
-p icmp --icmp-type ""
-p icmp --icmp-type 3/
-p icmp
-p icmp -m icmp
-p sctp --dport 80
-p sctp --sport 0:65535
-p sctp ! --sport 0:65535
-p sctp ! --sport 80:90 --dport amqp
-p tcp -m multiport --dports 80,443,1000:2000
-p tcp -m multiport ! --sports 80
-p tcp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
-p tcp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16
-p tcp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16
-p tcp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14:16
-p tcp -m multiport --ports 5:5
-p tcp -m multiport --ports 6:5
-p tcp -m multiport --ports http,ssh:https
-p tcp -m multiport --ports ,
-p tcp -m multiport --ports x
-p tcp -m multiport --ports 1:65536
-p tcp -m multiport --sports 1 --dports 2
-p tcp -m multiport --sports 1 --sports 2
-p tcp -m multiport
-p icmp -m multiport --ports 1
! -p tcp -m multiport --ports 1
-m multiport --ports 1
-p udplite -m multiport --ports 1
-p 33 -m multiport --ports 1,domain
END
rules filter INPUT
