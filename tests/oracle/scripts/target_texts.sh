# Targets as they are written and listed: iptables -S, -L, refusals of the tool and of the kernel, both variants
# area: netfilter
# frames: no — no device
r() { t "$1 -t $2 -A $3"; }
look() { t "$1 -t $2 -S"; t "$1 -t $2 -nL"; t "$1 -t $2 -L"; }
for i in iptables iptables-legacy; do
    for w in net-unreach icmp-host-unreachable icmp-proto port-unreach net-prohib host-prohib admin; do
        r $i filter "INPUT -j REJECT --reject-with $w"
    done
    r $i filter "INPUT -j REJECT"
    r $i filter "INPUT -p tcp -j REJECT --reject-with tcp-reset"
    r $i filter "INPUT -j REJECT --reject-with tcp-reset"
    r $i filter "INPUT ! -p tcp -j REJECT --reject-with tcp-reset"
    r $i filter "INPUT -j REJECT --reject-with echo-reply"
    r $i filter "INPUT -j REJECT --reject-with bogus"
    r $i mangle "FORWARD -j REJECT"
    r $i filter "FORWARD -j LOG"
    r $i filter "FORWARD -p tcp -j LOG --log-prefix 'a b: ' --log-level debug --log-tcp-options --log-uid"
    r $i filter "FORWARD -j LOG --log-level 9"
    r $i filter "FORWARD -j NFLOG --nflog-group 5 --nflog-prefix x --nflog-size 64"
    r $i filter "FORWARD -j NFLOG --nflog-range 64"
    r $i filter "FORWARD -j NFQUEUE --queue-balance 0:3 --queue-bypass"
    r $i filter "FORWARD -j NFQUEUE --queue-balance 3:0"
    r $i filter "FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu"
    r $i filter "INPUT -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu"
    r $i filter "FORWARD -p tcp -j TCPMSS --set-mss 1300"
    r $i filter "FORWARD -p udp -j TCPMSS --set-mss 1300"
    r $i filter "OUTPUT -j TRACE"
    r $i filter "OUTPUT -j CT --notrack"
    look $i filter
    r $i raw "PREROUTING -j CT --notrack"
    r $i raw "PREROUTING -j NOTRACK"
    r $i raw "PREROUTING -j CT --zone 5"
    r $i raw "PREROUTING -j CT --zone-orig mark"
    r $i raw "PREROUTING -j CT --zone-reply 0x10"
    r $i raw "PREROUTING -j CT --zone 65536"
    r $i raw "OUTPUT -j TRACE"
    look $i raw
    r $i mangle "PREROUTING -j MARK --set-mark 0x10/0xff"
    r $i mangle "PREROUTING -j MARK --and-mark 0xf0"
    r $i mangle "PREROUTING -j MARK --or-mark 0xf0"
    r $i mangle "PREROUTING -j MARK"
    r $i mangle "PREROUTING -j CONNMARK --set-mark 1/3"
    r $i mangle "PREROUTING -j CONNMARK --save-mark --mask 0xff"
    r $i mangle "PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff00"
    r $i mangle "PREROUTING -j CONNMARK --mask 1"
    r $i mangle "PREROUTING -j CONNMARK --save-mark --restore-mark"
    r $i mangle "PREROUTING -j TTL --ttl-inc 3"
    r $i mangle "PREROUTING -j TTL --ttl-dec 0"
    r $i mangle "PREROUTING -j DSCP --set-dscp-class EF"
    r $i mangle "PREROUTING -j DSCP --set-dscp-class x"
    r $i mangle "PREROUTING -j TOS --set-tos Minimize-Delay"
    r $i mangle "PREROUTING -j TOS --and-tos 0x10"
    r $i mangle "PREROUTING -p tcp -j ECN --ecn-tcp-remove"
    r $i mangle "PREROUTING -j ECN --ecn-tcp-remove"
    r $i mangle "PREROUTING -p tcp -j TPROXY --on-port http --tproxy-mark 1/1"
    r $i mangle "PREROUTING -j TPROXY --on-port 80"
    r $i mangle "POSTROUTING -p udp -j CHECKSUM --checksum-fill"
    r $i mangle "POSTROUTING -j CLASSIFY --set-class 1:2"
    r $i mangle "PREROUTING -j CLASSIFY --set-class 1:2"
    look $i mangle
done
