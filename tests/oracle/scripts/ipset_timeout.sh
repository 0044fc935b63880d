# ipset: members that expire
# area: netfilter
i() { t ipset "$@"; }
i create a hash:ip timeout 2 initval 1
i add a 10.0.0.1
i add a 10.0.0.2 timeout 600
i add a 10.0.0.3 timeout 0
i create b bitmap:port range 0-9 timeout 1
i add b 1-3
i add b 4 timeout 0
i create l list:set timeout 1
i add l a
i add l b timeout 0
i test a 10.0.0.1
t "ipset list a -t | grep -v Size"
t "ipset list l -t | grep -v Size"
sleep 3.5
i test a 10.0.0.1
i test a 10.0.0.2
i test b 2
t "ipset list a | grep -v Size | sed 's/59./59x/'"
t "ipset list b"
t "ipset list l"
i del a 10.0.0.1
i add a 10.0.0.1 timeout 0
i add b 3 timeout 0
t "ipset list a | grep -v Size | sed 's/59./59x/'"
t "ipset list b"
i add a 10.0.0.2 timeout 0
i add a 10.0.0.2 timeout 0 -exist
i list a
