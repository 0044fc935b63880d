# ipset: hash types, one after the other: elements, ranges, networks, the order of the members, the size in memory
# area: netfilter
i() { t ipset "$@"; }
i create a hash:ip initval 0x1
i add a 10.0.0.1
i add a 10.0.0.0/29
i add a 10.1.0.4-10.1.0.1
i add a 10.2.0.0/30 -exist
i add a 0.0.0.0
i add a 10.9
i del a 10.1.0.2-10.1.0.3
i del a 10.1.0.2
i del a 10.1.0.2 -exist
i test a 10.1.0.1
i test a 10.1.0.2
i test a 10.0.0.0/29
i list a
i create m hash:ip netmask 24 hashsize 100 maxelem 3 initval 5 bucketsize 5
i add m 10.0.0.17
i test m 10.0.0.99
i add m 10.0.1.0-10.0.2.9
i add m 10.0.3.0
i add m 10.0.3.0 -exist
i list m
i create b hash:ip bitmask 255.255.0.255 initval 5
i add b 10.0.9.17
i list b
i create n hash:net initval 7 comment counters
i add n 10.0.0.0/8 comment '"a b"' packets 3 bytes 400
i add n 10.1.2.3/16 nomatch
i add n 10.1.2.3 comment x
i add n 192.168.0.0-192.168.3.17
i add n 0.0.0.0/0
i add n 0.0.0.0/1
i add n 0.0.0.0-255.255.255.255
i add n 10.1.2.3 -exist
i test n 10.1.2.3
i test n 10.1.2.4
i test n 10.1.2.4 nomatch
i test n 10.1.0.0/16
i test n 10.1.0.0/16 nomatch
i test n 10.2.0.0/16
i test n 10.2.0.1
i list n
i del n 192.168.0.0/23
i del n 192.168.0.0/24
i list n
i create p hash:ip,port initval 9
i add p 10.0.0.1,80
i add p 10.0.0.1,tcp:80
i add p 10.0.0.1,udp:53-55
i add p 10.0.0.1,http
i add p 10.0.0.1,udp:http
i add p 10.0.0.1,sctp:9
i add p 10.0.0.1,udplite:9
i add p 10.0.0.1,icmp:ping
i add p 10.0.0.1,icmp:3/9
i add p 10.0.0.1,icmp:3/99
i add p 10.0.0.1,icmp:foo
i add p 10.0.0.1,icmpv6:ping
i add p 10.0.0.1,gre:0
i add p 10.0.0.1,gre:7
i add p 10.0.0.1,99:0
i add p 10.0.0.1,253:0
i add p 10.0.0.1,foo:7
i add p 10.0.0.1,tcp:foo
i add p 10.0.0.1,0:7
i add p 10.0.0.1,ip:7
i add p 10.0.0.1,tcp:70000
i add p 0.0.0.0,tcp:7
i add p 10.0.0.0/30,tcp:7-8
i test p 10.0.0.2,8
i test p 10.0.0.2,udp:8
i test p 10.0.0.2,7-8
i test p 10.0.0.2/30,7
i list p
i create q hash:ip,port,ip initval 11
i add q 10.0.0.1,80,10.0.0.2
i add q 10.0.0.1-10.0.0.3,tcp:81-82,10.0.0.2
i add q 10.0.0.1,80,10.0.0.2/24
i add q 10.0.0.1,80,10.0.0.2-10.0.0.3
i add q 10.0.0.1,80
i test q 10.0.0.3,82,10.0.0.2
i list q
i create r hash:ip,port,net initval 13
i add r 10.0.0.1,80,10.0.0.0/8
i add r 10.0.0.1,80,10.0.0.0/9 nomatch
i add r 10.0.0.1,udp:9,10.0.0.0-10.0.1.255
i add r 10.0.0.0/31,udp:9-10,172.16.0.1
i add r 10.0.0.1,80,0.0.0.0/0
i test r 10.0.0.1,80,10.200.0.1
i test r 10.0.0.1,80,10.100.0.1
i test r 10.0.0.1,80,10.0.0.0/8
i list r
i create s hash:net,port initval 15
i add s 10.0.0.0/8,80
i add s 10.0.0.0/8,tcp:81-82
i add s 10.0.0.0-10.0.0.5,udp:9
i add s 10.9.0.0/16,80 nomatch
i test s 10.1.1.1,81
i test s 10.9.1.1,80
i test s 10.9.1.1,81
i list s
i list -n
