# conntrack -I, -A, -G, -U: made by hand, and what that gives
# area: netfilter
# compare: set conntrack -[LDU] — the order is that of a hash
ns node
# ct WORDS: conntrack on the node; ids are the kernel's own, and commands take their time
ct() { t "ip netns exec node conntrack $* 2>&1 | sed -E -f ids"; }
cat >ids <<'END'
s/id=[0-9]+/id=N/g
s/<id>[0-9]+/<id>N/g
s/^((ipv4 +2 )?[a-z]+ +[0-9]+) [0-9]{1,3} /\1 T /
s/<timeout>[0-9]{1,2}</<timeout>T</
s/ -t [0-9]{1,3} / -t T /
END
say "made"
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 60
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 60
ct -A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 90
ct -A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 3 -t 90
ct -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 60 --state ESTABLISHED -u ASSURED,SEEN_REPLY -m 7
ct -I -p tcp -s 1.1.1.2 -d 2.2.2.2 --sport 1 --dport 2 -t 60 --state SYN_SENT -m 0xff/0xf
ct -I -p icmp -s 1.1.1.1 -d 2.2.2.2 -t 60 --icmp-type 8 --icmp-code 0 --icmp-id 99
ct -I -p icmp -s 1.1.1.1 -d 2.2.2.2 -t 60 --icmp-type 13 --icmp-code 0 --icmp-id 99
ct -I -p icmp -s 1.1.1.1 -d 2.2.2.2 -t 60 --icmp-type 3 --icmp-code 0 --icmp-id 99
ct -I -p gre -s 1.1.1.1 -d 2.2.2.2 -t 60 --srckey 1 --dstkey 2
ct -I -p 4 -s 1.1.1.1 -d 2.2.2.2 -t 60
ct -I -p sctp -s 1.1.1.1 -d 2.2.2.2 -t 60 --sport 1 --dport 2 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 99 -t 60 -w 5
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 98 -t 60 --orig-zone 5
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 97 -t 60 --reply-zone 6
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 7 --dport 9 -t 60 -g 3.3.3.3
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 7 --dport 10 -t 60 -n 3.3.3.3:99
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 7 --dport 11 -t 60 -g 3.3.3.3:53
ct -I -p udp -r 2.2.2.2 -q 1.1.1.1 -t 60 --reply-port-src 5 --reply-port-dst 6
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 7 --dport 8 -t 60 -r 3.3.3.3 -q 1.1.1.1
ct -I -p udp -s 9.1.1.1 -d 9.2.2.2 --sport 7 --dport 8 -t 60 -r 3.3.3.3 -q 9.1.1.1 --reply-port-src 8 --reply-port-dst 7
ct -I -p udp -s 1.1.1.4 -d 2.2.2.2 --sport 7 --dport 8 -t 60 -u FIXED_TIMEOUT
ct -I -p udp -s 1.1.1.5 -d 2.2.2.2 --sport 7 --dport 8 -t 60 -u EXPECTED
ct -C
sleep 0.5
say looked at
ct -L
ct -L -o extended,id
ct -L -o xml
ct -L -o save
ct -L -w 5
ct -L -w 0
ct -L --orig-zone 5
ct -L --reply-zone 6
ct -L -g
ct -L -g 3.3.3.3
ct -L -g 3.3.3.3:53
ct -L -g 3.3.3.3:54
ct -L -n
ct -L -n 3.3.3.3:99
ct -L -n 3.3.3.4
ct -L -j
ct -L -j 3.3.3.3
ct -L -m 7
ct -L -m 7/0x7
ct -L -p tcp --state ESTABLISHED
ct -L -p tcp --state SYN_SENT
ct -L -p tcp --dport 2
ct -L -p udp --orig-port-dst 9
ct -L -p udp --reply-port-src 53
ct -L -p 47
ct -L -p ipip
ct -L -u ASSURED
ct -L -u '\!ASSURED'
ct -L -u FIXED
say asked for one
ct -G -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2
ct -G -p udp -s 2.2.2.2 -d 1.1.1.1 --sport 2 --dport 1
ct -G -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 99
ct -G -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 --icmp-id 99 -o extended
say changed
ct -U -s 9.1.1.1 -m 9
ct -U -p tcp -s 1.1.1.1 -m 0x10/0xf0
ct -U -p udp -s 9.1.1.1 -u SEEN_REPLY,ASSURED
ct -U -p udp -s 9.1.1.1 -t 600
ct -U -p tcp -s 1.1.1.2 --state ESTABLISHED
ct -U -p udp -s 9.9.9.9 -t 600
ct -U -p gre -m 1
say deleted
ct -D -p udp --dport 99
ct -D -p tcp -o save
ct -D -p sctp -o xml
ct -D -m 9
ct -D -u UNREPLIED -s 1.1.1.4
ct -D -w 5
ct -D --orig-zone 5
ct -F
ct -C
say its time comes
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 1
ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 3 -t 3
sleep 1.5
ct -L
t "ip netns exec node conntrack -S | sed -E 's/^cpu=[0-9]+ *//; s/=[1-9][0-9]*/=N/g' | sort | tail -1"
