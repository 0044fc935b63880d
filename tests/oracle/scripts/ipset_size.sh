# ipset: a hash grows, shrinks, is full; forceadd makes room; sizes in memory
# area: netfilter
i() { t ipset "$@"; }
h() { t "ipset list $1 | head -n 7"; }
many() { for ((n = $3; n < $4; n++)); do echo $1 $2 10.$((n / 256 % 256)).$((n % 256)).$((n * 31 % 256)); done | ipset -! restore; }
i create a hash:ip initval 17 hashsize 64
many add a 0 300
h a
many add a 300 900
h a
many add a 900 5000
h a
t "ipset list a | cksum"
many del a 500 4000
h a
t "ipset list a | cksum"
many add a 200 1200
h a
t "ipset list a | cksum"
i flush a
h a
many add a 0 10
h a
i create f hash:ip initval 3 hashsize 64 maxelem 100
many add f 0 99
i add f 172.16.0.1
i add f 172.16.0.2
i add f 172.16.0.1
i add f 172.16.0.1 -exist
i del f 172.16.0.1
i add f 172.16.0.3
i del f 172.16.0.3
i add f 172.16.0.2
h f
i create g hash:ip initval 3 hashsize 64 maxelem 100 forceadd comment
many add g 0 100
i add g 172.16.0.1 comment one
i add g 172.16.0.2
i add g 172.16.0.3
i add g 172.16.0.4
h g
t "ipset list g | tail -n +9 | cksum"
i create big hash:ip initval 5 hashsize 5000 maxelem 2000
many add big 0 2000
h big
i add big 172.16.0.1
i add big 172.16.0.2
i add big 172.16.0.3
h big
i create six hash:net family inet6 initval 8
for n in {1..60}; do ipset add six fd00:$n::/$((30 + n)); done
i list six
i create c hash:net,port initval 1 comment counters timeout 0
i add c 10.0.0.0/8,80 comment abc
h c
i add c 10.0.0.0/8,80 comment abcdef -exist
h c
i add c 10.0.0.0/8,80 -exist
h c
i del c 10.0.0.0/8,80
h c
say a range fills a set, in steps
i create full hash:ip initval 237 hashsize 64 maxelem 4000
i add full 10.0.0.1-10.255.0.0
h full
i add full 11.0.0.1
i add full 11.0.0.2
i add full 11.0.0.3
h full
