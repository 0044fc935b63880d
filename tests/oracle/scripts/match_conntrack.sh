# what iptables says and prints of the matches conntrack, state, connmark, connbytes and connlimit
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
-m connmark --mark 1/1
-m connmark ! --mark 1
-m connmark
-m conntrack --ctstate NEW,REL,EST
-m conntrack --ctstate new
-m conntrack ! --ctstate INVALID
-m conntrack --ctstate NEW,
-m conntrack --ctstate ,NEW
-m conntrack --ctstate ""
-m conntrack --ctstate DNAT,SNAT,UNTRACKED,INVALID
-m conntrack --ctproto tcp --ctorigsrc 10.1.2.3/8 ! --ctorigdst 10.0.0.0/255.255.0.255 --ctreplsrc 0.0.0.0/0 --ctrepldst 1.2.3.4
-m conntrack ! --ctproto 17
-m conntrack --ctproto 256
-m conntrack --ctproto foo
-m conntrack --ctproto 0
-m conntrack --ctorigsrc 0.0.0.0
-m conntrack --ctorigsrc 10.1.2.3/33
-m conntrack --ctorigsrc 10.1.2/24
-m conntrack --ctorigsrcport 80 ! --ctorigdstport 80:90 --ctreplsrcport http --ctrepldstport :5
-m conntrack --ctorigsrcport 90:80
-m conntrack --ctorigsrcport 80:0
-m conntrack --ctorigsrcport 80:80
-m conntrack --ctorigsrcport 5:
-m conntrack --ctstatus NONE
-m conntrack --ctstatus EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED
-m conntrack ! --ctstatus ASS
-m conntrack --ctstatus foo
-m conntrack --ctstatus NONE,ASSURED
-m conntrack --ctexpire 5
-m conntrack ! --ctexpire 5:10
-m conntrack --ctexpire 10:5
-m conntrack --ctexpire 5:
-m conntrack --ctexpire :5
-m conntrack --ctexpire 1:2:3
-m conntrack --ctexpire 5x
-m conntrack --ctdir original
-m conntrack --ctdir REPLY
-m conntrack --ctdir foo
-m conntrack ! --ctdir REPLY
-m conntrack
-m conntrack --ctstate NEW --ctstate NEW
-m state --state NEW,ESTABLISHED
-m state ! --state RELATED
-m state --state SNAT
-m state --state NEW,
-m state --state foo,NEW,
-m state --state ""
-m state
-m connbytes --connbytes 10:20 --connbytes-dir both --connbytes-mode packets
-m connbytes ! --connbytes 10:20 --connbytes-dir original --connbytes-mode bytes
-m connbytes --connbytes 10 --connbytes-dir reply --connbytes-mode avgpkt
-m connbytes ! --connbytes 10 --connbytes-dir reply --connbytes-mode avgpkt
-m connbytes --connbytes 10: --connbytes-dir reply --connbytes-mode avgpkt
-m connbytes --connbytes :10 --connbytes-dir reply --connbytes-mode avgpkt
-m connbytes --connbytes 0:0 --connbytes-dir reply --connbytes-mode bytes
-m connbytes --connbytes 20:10 --connbytes-dir reply --connbytes-mode bytes
-m connbytes --connbytes 1 --connbytes-dir foo --connbytes-mode bytes
-m connbytes --connbytes 1 --connbytes-dir both --connbytes-mode foo
-m connbytes --connbytes 1
-m connlimit --connlimit-above 3
-m connlimit --connlimit-upto 3 --connlimit-mask 24 --connlimit-daddr
-m connlimit ! --connlimit-upto 3
-m connlimit ! --connlimit-above 3 --connlimit-saddr
-m connlimit --connlimit-above 3 --connlimit-mask 0
-m connlimit --connlimit-above 3 --connlimit-mask 33
-m connlimit --connlimit-above 3 --connlimit-mask 255.255.0.0
-m connlimit --connlimit-above 3 --connlimit-upto 4
-m connlimit --connlimit-above 3 --connlimit-saddr --connlimit-daddr
-m connlimit
END
rules filter INPUT
