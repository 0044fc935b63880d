# help texts
# area: tools
# compare: part ^\$ ip( help)?$ — the usage is not copied
# compare: set (arp|route) -h — standard output that is no terminal comes behind the errors
# not modelled: ^\$ ip (addr|route|neigh|rule|netns|link|monitor|ntable) .*help — the help texts of objects
# not modelled: ifconfig — ifconfig and netstat
t ip help
t ip
t ip addr help
t ip route help
t ip neigh help
t ip rule help
t ip netns help
t ip link help bridge
t ip link help veth
t ip ntable help
t ip monitor help
t ping -h
t arping -h
t arp -h
t route -h
t tcpdump -h
t arp -V
t route -V
t ifconfig -V
t sysctl -V
