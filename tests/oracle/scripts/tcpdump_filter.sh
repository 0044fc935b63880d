# tcpdump: filter expressions, on one recorded file
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
dump w a -i v0 -w x.pcap -U
ip netns exec a ping -c 1 -s 8 10.0.0.2 >/dev/null
ip netns exec b ping -c 1 -s 500 10.0.0.1 >/dev/null
ip netns exec a ping -c 1 -W 0.1 -s 8 -b 10.0.0.255 >/dev/null 2>&1
ip netns exec a bash -c 'echo hello >/dev/udp/10.0.0.2/7777'
ip netns exec a bash -c 'echo hello >/dev/udp/10.0.0.2/53' 
ip netns exec a bash -c 'echo hello >/dev/tcp/10.0.0.2/80' 2>/dev/null
ip netns exec a ping -c 1 -W 0.1 -s 2000 10.0.0.2 >/dev/null
ip netns exec a arping -c 1 -w 1 -I v0 10.0.0.77 >/dev/null
enddump
t tcpdump -r x.pcap -n -t
for f in "arp" "ip" "icmp" "tcp" "udp" "ip6" "host 10.0.0.2" "host 10.0.0.77" "src host 10.0.0.1" "dst host 10.0.0.1" "src 10.0.0.2" "dst 10.0.0.255" "10.0.0.77" "net 10.0.0.0/24" "net 10.0.0.0/30" "net 10" "src net 10.0.0" "net 10.0.0.0 mask 255.255.255.0" "port 53" "udp port 53" "src port 53" "dst port 80" "tcp port 80" "port domain" "port http" "portrange 50-100" "udp portrange 50-100" "proto 1" "ip proto 17" "ip proto icmp" "ip proto \\\\tcp" "proto \\\\udp" "ether host 02:00:00:00:00:0a" "ether src 02:00:00:00:00:0a" "ether dst ff:ff:ff:ff:ff:ff" "ether proto 0x0806" "ether proto \\\\arp" "broadcast" "ether broadcast" "ip broadcast" "multicast" "ip multicast" "less 60" "greater 500" "len > 500" "icmp[icmptype]=icmp-echo" "icmp[icmptype]==icmp-echoreply" "icmp[0]=3" "icmp[icmptype]!=8 and icmp[icmptype]!=0" "icmp[1] = 3" "tcp[tcpflags] & tcp-syn != 0" "tcp[tcpflags] & (tcp-syn|tcp-rst) == tcp-rst" "tcp[13] = 2" "ip[8] < 64" "ip[6:2] & 0x1fff != 0" "ip[2:2] > 500" "arp[7] = 1" "arp[6:2] = 2" "not arp" "! icmp and not arp" "icmp or arp" "icmp and not host 10.0.0.255" "arp host 10.0.0.77" "arp src host 10.0.0.1" "arp and dst host 10.0.0.2" "icmp and (src 10.0.0.1 or dst 10.0.0.255)" "icmp && src 10.0.0.2 || arp" "src or dst host 10.0.0.77" "src and dst host 10.0.0.1" "ip host 10.0.0.2 and udp" "port 53 or 80" "not port 53 and not 80" "vlan" "vlan 5" "inbound" "ip proto 1 and dst net 10.0.0.128/25" "ip src 10.0.0.2 and not icmp" "gateway 10.0.0.1" "tcp dst port 80" "rarp" "igmp" "1 = 1" "ether[12:2] = 0x0806"; do
    t "tcpdump -r x.pcap -n -t -q \"$f\" 2>&1 | grep -v 'reading from'"
done
