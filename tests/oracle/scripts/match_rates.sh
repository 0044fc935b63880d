# what iptables says and prints of the matches limit, hashlimit, statistic, recent, mark and comment
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
-m mark --mark 1
-m mark ! --mark 0x10/0xf0
-m mark --mark 0x1ff/0xf0
-m mark --mark 4294967296
-m mark --mark 4294967295
-m mark --mark 1/
-m mark --mark 1x
-m mark --mark -1
-m mark --mark 017
-m mark
-m mark --mark 1 --mark 2
-m limit
-m limit --limit 10/s
-m limit --limit 10/min --limit-burst 7
-m limit --limit 3/hour --limit-burst 0
-m limit --limit 20000/s
-m limit --limit 10000/s
-m limit --limit 9999/s
-m limit --limit 1/day --limit-burst 10000
-m limit --limit 1/day --limit-burst 1553
-m limit ! --limit 5/s
-m limit --limit x
-m limit --limit 5/
-m limit --limit 5/x
-m limit --limit -5/s
-m limit --limit 0
-m limit --limit 5.5/s
-m limit --limit 7/SEC
-m limit --limit 7/seconds
-m limit --limit 7/s --limit-burst 10001
-m limit --limit 33/min
-m limit --limit 3001/min
-m limit --limit 1000/hour
-m limit --limit 7/day
-m limit --limit 100/d
-m limit --limit 61/minute
-m limit --limit 5 --limit-burst 1
-m statistic --mode random --probability 0.5
-m statistic --mode random ! --probability 0.33333333349
-m statistic --mode random --probability 0
-m statistic --mode random --probability 1
-m statistic --mode random --probability 1.1
-m statistic --mode random --probability x
-m statistic --mode random --probability 1e-5
-m statistic --mode random --probability 0.1x
-m statistic --mode random
-m statistic --mode nth --every 3 --packet 0
-m statistic --mode nth ! --every 3 --packet 2
-m statistic --mode nth --every 3 --packet 3
-m statistic --mode nth --every 3
-m statistic --mode nth --packet 1
-m statistic --mode nth --every 0 --packet 0
-m statistic --mode nth
-m statistic --mode foo
-m statistic --mode random --every 3 --packet 0
-m statistic --mode nth --probability 0.5
-m statistic
-m comment --comment "a b \" ' \\ c"
-m comment --comment ""
-m comment --comment abc-def_1
-m comment --comment ü
-m comment --comment "; x"
-m comment
-m comment ! --comment x
-m hashlimit --hashlimit-upto 5/s --hashlimit-name a
-m hashlimit --hashlimit-above 5/min --hashlimit-burst 10 --hashlimit-mode dstip,srcip,srcport,dstport --hashlimit-name b
-m hashlimit ! --hashlimit-above 5/min --hashlimit-mode srcip\|dstip --hashlimit-name b2
-m hashlimit ! --hashlimit-upto 5/min --hashlimit-mode srcip --hashlimit-name b3
-m hashlimit --hashlimit-upto 5/s --hashlimit-srcmask 24 --hashlimit-dstmask 255.255.0.0 --hashlimit-name c
-m hashlimit --hashlimit-upto 512kb/s --hashlimit-name d
-m hashlimit --hashlimit-upto 1mb/s --hashlimit-burst 2mb --hashlimit-name d2
-m hashlimit --hashlimit-upto 100b/s --hashlimit-name d3
-m hashlimit --hashlimit-upto 1000b/s --hashlimit-burst 10 --hashlimit-name d4
-m hashlimit --hashlimit-upto 5000mb/s --hashlimit-name d5
-m hashlimit --hashlimit-upto 70000mb/s --hashlimit-name d6
-m hashlimit --hashlimit-upto 5/s --hashlimit-htable-size 10 --hashlimit-htable-max 20 --hashlimit-htable-gcinterval 500 --hashlimit-htable-expire 7000 --hashlimit-name e
-m hashlimit --hashlimit-upto 5/s --hashlimit-htable-expire 1000 --hashlimit-name e2
-m hashlimit --hashlimit-upto 5/min --hashlimit-htable-expire 60000 --hashlimit-name e3
-m hashlimit --hashlimit-upto 5/s --hashlimit-burst 0 --hashlimit-name f
-m hashlimit --hashlimit-upto 5/s --hashlimit-burst 1000001 --hashlimit-name f2
-m hashlimit --hashlimit-upto 5/s --hashlimit-burst 5k --hashlimit-name f3
-m hashlimit --hashlimit-upto 5/s --hashlimit-burst 2m --hashlimit-name f4
-m hashlimit --hashlimit-upto 1/day --hashlimit-burst 1000000 --hashlimit-name f5
-m hashlimit --hashlimit-upto 2000000/s --hashlimit-name f6
-m hashlimit --hashlimit-upto 1000000/s --hashlimit-name f7
-m hashlimit --hashlimit-upto x --hashlimit-name f8
-m hashlimit --hashlimit-above 5/x --hashlimit-name f9
-m hashlimit --hashlimit-upto 5/s
-m hashlimit --hashlimit-name g
-m hashlimit --hashlimit-upto 5/s --hashlimit-name ""
-m hashlimit --hashlimit-upto 5/s --hashlimit-mode foo --hashlimit-name h
-m hashlimit --hashlimit-upto 5/s --hashlimit-above 5/s --hashlimit-name h
-m hashlimit --hashlimit-upto 5/s --hashlimit-htable-gcinterval 0 --hashlimit-name i
-m hashlimit --hashlimit-upto 5/s --hashlimit-srcmask 33 --hashlimit-name i2
-m hashlimit --hashlimit-upto 5/s --hashlimit-srcmask 0 --hashlimit-name i3
-m hashlimit --hashlimit-upto 60/min --hashlimit-rate-match --hashlimit-name j
-m hashlimit --hashlimit-upto 60/min --hashlimit-rate-match --hashlimit-rate-interval 5 --hashlimit-name j2
-m hashlimit --hashlimit-above 100b/s --hashlimit-rate-match --hashlimit-name j3
-m hashlimit --hashlimit-above 5/s --hashlimit-rate-interval 5 --hashlimit-name j4
-m hashlimit --hashlimit-above 5/s --hashlimit-rate-match --hashlimit-rate-interval 0 --hashlimit-name j5
-m recent --set
-m recent ! --set --name foo --rdest
-m recent --rcheck --seconds 60 --hitcount 4 --rttl --name SSH --rsource
-m recent --update --seconds 60 --reap --mask 255.255.255.0
-m recent --remove --name x
-m recent --set --seconds 5
-m recent --set --hitcount 5
-m recent --set --rttl
-m recent --remove --rttl
-m recent --rcheck --hitcount 65535
-m recent --rcheck --hitcount 65536
-m recent --rcheck --hitcount 0
-m recent --rcheck --seconds 0
-m recent --rcheck --reap
-m recent --rcheck --set
-m recent --name x
-m recent
-m recent --set --name a/b
-m recent --set --name .
-m recent --set --name ""
-m recent --set --rsource --rdest
-m recent --set --rdest --rsource
-m recent --set --mask 255.0.255.0
-m recent --set --mask 24
END
rules filter INPUT
