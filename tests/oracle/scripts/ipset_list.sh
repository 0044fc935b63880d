# ipset list and save: all output modes, sorted, names only, headers only, one set and all
# area: netfilter
i() { t ipset "$@"; }
i list
i list -n
i save
i list -o xml
i list -n -o xml
i create z hash:ip initval 1 timeout 0 counters comment forceadd
i add z 10.0.0.3 comment '"two words"' packets 1 bytes 2
i add z 10.0.0.21
i add z 10.0.0.111 comment x
i add z 9.0.0.1
i create l list:set
i create a hash:net initval 2
i add a 10.0.0.0/8
i add a 10.0.0.0/24 nomatch
i add a 10.0.0.0/16
i add a 9.0.0.0/8
i add a 10.0.0.1
i create b bitmap:port range 1-10
i add b 3-5
i create p hash:ip,port initval 3
i add p 10.0.0.1,udp:53
i add p 10.0.0.1,tcp:53
i add p 10.0.0.1,tcp:9
i add p 9.0.0.1,tcp:53
i add l a
i add l z
i list
i list -s
i list a -s
i -s save z
i save p -s
i list p -s
i list -t
i list -t a
i list -n
i list -n a
i list a z
i list c
i list -o save
i save -o plain a
i save -o xml z
i list -o xml
i list -o xml -s a
i list -o xml -t
i list -o xml -n
i list -o json
i list -o
i save -t a
i save -n a
i --list a --terse
i list a --sorted
i -L a -t
i -S a
i l -n
i s b
i create v6 hash:ip family inet6 initval 7
i add v6 fd00::1
i add v6 fd00::a:1
i add v6 fd00::2
i list v6
i list v6 -s
i list -f out.txt a
t cat out.txt
i save -file out.txt
t cat out.txt
t rm out.txt
i list -f
i list -f /nowhere/x
