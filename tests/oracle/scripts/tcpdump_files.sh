# tcpdump -w, -r round trip
# area: tcpdump
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
dump w a -i v0 -w x.pcap -U
ip netns exec a ping -c 2 -i 0.2 -s 8 10.0.0.2 >/dev/null
enddump
t tcpdump -r x.pcap -n -t
t tcpdump -r x.pcap -n -t -e
t tcpdump -r x.pcap -n -t -c 2
t tcpdump -r x.pcap -n -t arp
t "tcpdump -r x.pcap -n -t -w y.pcap arp"
t tcpdump -r y.pcap -n -t -v
t "tcpdump -r x.pcap -n -t --count"
t "tcpdump -r x.pcap -n -t 2>/dev/null | wc -l"
t "cat x.pcap | tcpdump -n -t -r - icmp"
t "od -A d -t x1 -N 24 x.pcap"
t "tcpdump -r x.pcap -n -w - | tcpdump -r - -n -t arp"
dump any a -i any -w z.pcap -U
ip netns exec a ping -c 1 -s 8 10.0.0.2 >/dev/null
enddump
t tcpdump -r z.pcap -n -t
t tcpdump -r z.pcap -n -t -e
t "od -A d -t x1 -N 24 z.pcap"
head -c 30 x.pcap >cut.pcap
t tcpdump -r cut.pcap -n -t
echo garbage-garbage-garbage-garbage >bad.pcap
t tcpdump -r bad.pcap
: >empty.pcap
t tcpdump -r empty.pcap
dump v a -i v0 -w v.pcap -U -v
ip netns exec a ping -c 1 -s 8 10.0.0.2 >/dev/null
enddump
