# what iptables says and prints of the matches iprange, length, ttl, dscp, tos, ecn, mac and pkttype
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
-m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 1.2.3.4
-m iprange --src-range 10.0.0.9-10.0.0.1
-m iprange --src-range 10.1
-m iprange --src-range foo
-m iprange --src-range 10.0.0.1-
-m iprange --src-range 1.2.3.4-1.2.3.256
-m iprange
-m length --length 100
-m length ! --length 100:200
-m length --length 200:100
-m length --length :100
-m length --length 100:
-m length --length 65536
-m length --length 1:2:3
-m length --length 0x10
-m length
-m ttl --ttl-eq 5
-m ttl ! --ttl-eq 5
-m ttl --ttl 5
-m ttl ! --ttl 5
-m ttl --ttl-lt 5
-m ttl --ttl-gt 255
-m ttl --ttl-gt 256
-m ttl --ttl-gt 5 --ttl-lt 9
-m ttl
-m dscp --dscp 10
-m dscp ! --dscp 0x3f
-m dscp --dscp 64
-m dscp --dscp-class EF
-m dscp --dscp-class af41
-m dscp --dscp-class BEx
-m dscp ! --dscp-class cs7
-m dscp --dscp-class foo
-m dscp --dscp 1 --dscp-class EF
-m dscp
-m tos --tos 0x10
-m tos --tos 0x10/0x3f
-m tos ! --tos Minimize-Delay
-m tos --tos minimize-cost
-m tos --tos foo
-m tos --tos 256
-m tos --tos 1/256
-m tos --tos 1x
-m tos
-m ecn --ecn-ip-ect 3
-m ecn ! --ecn-ip-ect 0
-m ecn --ecn-ip-ect 4
-m ecn --ecn-tcp-ece
-p tcp -m ecn --ecn-tcp-ece ! --ecn-tcp-cwr ! --ecn-ip-ect 1
-m ecn
-m mac --mac-source 00:11:22:33:44:55
-m mac ! --mac-source aa:Bb:cc:dd:ee:ff
-m mac --mac-source 0:1:2:3:4:5
-m mac --mac-source 001:1:2:3:4:5
-m mac --mac-source foo
-m mac --mac-source 00:11:22:33:44
-m mac
-m pkttype --pkt-type unicast
-m pkttype ! --pkt-type BROADCAST
-m pkttype --pkt-type mcast
-m pkttype --pkt-type host
-m pkttype --pkt-type foo
-m pkttype
END
rules filter INPUT
cat >rules <<'END'
-m mac --mac-source 00:11:22:33:44:55
END
rules filter OUTPUT
cat >rules <<'END'
-m mac --mac-source 00:11:22:33:44:55
END
rules filter FORWARD
