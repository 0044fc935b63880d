# ipset: bitmaps of addresses, ports, addresses with MAC addresses
# area: netfilter
i() { t ipset "$@"; }
i create a bitmap:ip range 10.0.0.0/24
i add a 10.0.0.9
i add a 10.0.0.9
i add a 10.0.0.0/29
i add a 10.0.0.20-10.0.0.18
i add a 10.0.1.0
i add a 10.0.0.254-10.0.1.1
i add a 10.0.0.5-9.0.0.5
i test a 10.0.0.19
i test a 10.0.0.21
i test a 10.0.1.21
i test a 10.0.0.0/30
i del a 10.0.0.0/30
i del a 10.0.0.0
i list a
i create b bitmap:ip range 10.0.0.0-10.0.255.255 netmask 24 timeout 0
i add b 10.0.3.4
i add b 10.0.4.0/23
i add b 10.0.9.0-10.0.11.255
i test b 10.0.5.77
i list b
i create b2 bitmap:ip range 10.0.0.0-10.0.2.255 netmask 24
i create b2 bitmap:ip range 10.0.0.0/24 netmask 24
i create b2 bitmap:ip range 10.0.0.0/24 netmask 30
i add b2 10.0.0.2-10.0.0.9
i list b2
i create b3 bitmap:ip range 10.0.0.1/32
i create b3 bitmap:ip range 10.0.0.1-10.0.0.1
i create b4 bitmap:ip range 10.0.0.0/15
i create b4 bitmap:ip range 10.0.0.0/16
i create b5 bitmap:ip from 10.0.0.0 to 10.0.0.9
i create b6 bitmap:ip network 10.0.0.0/29
i create b7 bitmap:ip from 10.0.0.0
i list -t
i create p bitmap:port range 0-1023 counters comment
i add p 80 comment web packets 5
i add p tcp:443
i add p udp:53-55
i add p domain
i add p ntp
i add p udp:ntp
i add p sctp:9
i add p 2000
i add p 1000-2000
i add p 7-5 packets 1
i test p 54
i test p 56
i test p 54-55
i test p 5400
i del p 53-54
i list p
i add p 80 -exist
i list p
i flush p
i list p
i create pp bitmap:port range tcp:90-80
i create pq bitmap:port from 5 to 9
i list pp -t
i create m bitmap:ip,mac range 10.0.0.0/28
i add m 10.0.0.1
i add m 10.0.0.1
i add m 10.0.0.2,2:a:b:c:d:e
i add m 10.0.0.2
i add m 10.0.0.2,02:00:00:00:00:01
i add m 10.0.0.2,02:00:00:00:00:01 -exist
i add m 10.0.0.1,02:00:00:00:00:09
i add m 10.0.0.3,foo
i add m 10.0.0.3,02:00:00:00:00:01:02
i add m 10.0.0.3/32
i add m 10.0.0.3/31
i add m 10.0.1.3
i test m 10.0.0.1
i test m 10.0.0.2,02:00:00:00:00:01
i test m 10.0.0.2,02:00:00:00:00:02
i test m 10.0.0.3,02:00:00:00:00:02
i test m 10.0.0.7
i list m
i del m 10.0.0.2
i del m 10.0.0.3,02:00:00:00:00:02
i del m 10.0.0.3
i list m
i create mt bitmap:ip,mac range 10.0.0.0/28 timeout 500
i add mt 10.0.0.1
i add mt 10.0.0.2 timeout 77
i list mt
i add mt 10.0.0.1
i del mt 10.0.0.2
i list mt
i swap a b2
i swap a p
i swap a m
i list a -t
