# ipset: what it says of a wrong command line, and what the kernel has against a right one
# area: netfilter
# not modelled: skbmark — what a set says of a packet's mark, priority and queue
i() { t ipset "$@"; }
i
i foo
i cre
i create
i create a
i create a foo
i create a hash
i create a hash:ip foo
i create a hash:ip family
i create a hash:ip family foo
i create a hash:ip hashsize
i create a hash:ip hashsize x
i create a hash:ip hashsize 5000000000
i create a hash:ip hashsize -1
i create a hash:ip hashsize 0x40 maxelem 010 initval 1
i list a -t
i create a hash:ip hashsize 64 hashsize 64
i create b hash:ip netmask 0
i create b hash:ip netmask 33
i create b hash:ip netmask 300
i create b hash:ip netmask x
i create b hash:ip netmask 24 bitmask 255.0.0.0
i create b hash:ip bitmask 255.0.0.0 netmask 24
i create b hash:ip bitmask 0.0.0.0
i create b hash:ip bitmask foo
i create b hash:ip timeout x
i create b hash:ip timeout 3000000
i create b hash:ip timeout 2147484
i create b hash:ip bucketsize 256
i create b hash:ip nomatch
i create b hash:net netmask 24
i create b hash:ip range 10.0.0.0/24
i create b bitmap:ip
i create b bitmap:ip range 10.0.0.0
i create b bitmap:ip range 10.0.0.0/8
i create b bitmap:ip range 10.0.0.0/8 netmask 24
i list b -t
i create b bitmap:port
i create c bitmap:port range 80
i create c bitmap:port range 80-foo
i create c bitmap:port range 80-90 family inet
i create c bitmap:ip family inet range 10.0.0.0/24
i create c hash:ip -4 -6
i create c hash:ip -6 initval 1
i list c
i create aaaaaaaaaabbbbbbbbbbccccccccccd hash:ip
i create aaaaaaaaaabbbbbbbbbbccccccccccdd hash:ip
i create d aaaaaaaaaabbbbbbbbbbccccccccccdd
i create a hash:ip
i create a hash:net
i create a hash:ip -exist
i create a hash:ip maxelem 8 -exist
i -! create a hash:net
i add a
i add a x
i add nope 10.0.0.1
i add a 10.0.0.300
i add a 10.0.0.1/33
i add a 10.0.0.1/x
i add a 10.0.0.1/0
i add a 10.0.0.1-
i add a 10.0.0.1-x
i add a fd00::1
i add a 10.0.0.1,80
i add a 10.0.0.1 timeout 5
i add a 10.0.0.1 comment x
i add a 10.0.0.1 packets 1
i add a 10.0.0.1 bytes 1
i add a 10.0.0.1 skbmark 1
i add a 10.0.0.1 nomatch
i add a 10.0.0.1 foo
i del a 10.0.0.1 timeout 5
i add c 10.0.0.1
i add c fd00::1-fd00::3
i add c fd00::1/64
i add c fd00::1/128
i add c ::
i test a
i test a 10.0.0.1 nomatch
i test nope 10.0.0.1
i del a 10.0.0.77
i del nope 10.0.0.77
i destroy nope
i destroy nope -exist
i flush nope
i list nope
i save nope
i rename nope x
i rename a b
i rename a
i swap a nope
i swap nope a
i swap a b
i swap a c
i restore x
t "ipset help nope 2>&1 >/dev/null"
i version
i -v
i --version
i quit
i quit now
i list -q nope
i -q test a 10.0.0.77
i -q create
i create e hash:ip,port initval 1
i add e 10.0.0.1
i add e 10.0.0.1,
i add e ,80
i add e 10.0.0.1,80,x
i add e 10.0.0.1,80,x,y
i add e 10.0.0.1,80-foo
i add e 10.0.0.1,foo
i add e 10.0.0.1,udp:foo
i add e 10.0.0.1,icmp:8/x
i add e 10.0.0.1,icmp:300/0
i create f hash:ip comment timeout 10
i add f 10.0.0.1 comment '"a\"b"'
i add f 10.0.0.1 timeout 2147484
i add f 10.0.0.1 timeout -1
i add f 10.0.0.1 timeout 1 timeout 2
i add f 10.0.0.1 comment $(printf 'x%.0s' {1..256})
i add f 10.0.0.1 comment $(printf 'x%.0s' {1..255}) timeout 0
t "ipset list f | tail -n 1"
t "ipset list f | grep Size"
