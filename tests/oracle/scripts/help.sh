# help texts
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
