# arp (net-tools and BusyBox): errors and changes
ns a
t ip netns exec a arp -n
t ip netns exec a arp -z
t ip netns exec a arp --frob
t ip netns exec a arp --ver
t ip netns exec a arp -i
t ip netns exec a arp -n -i nope
t ip netns exec a arp -H foo
t ip netns exec a arp -H fddi
t ip netns exec a arp -H lo
t ip netns exec a arp -A foo
t ip netns exec a arp -A inet6
t ip netns exec a arp -d
t ip netns exec a arp -s
t ip netns exec a arp -d 10.0.0.3
t ip netns exec a arp -d 10.0.0.3 foo
t ip netns exec a arp -s 10.0.0.3 02:00:00:00:00:01 foo
t ip netns exec a arp -Ds 10.0.0.3 nope
t ip netns exec a arp -i nope -s 10.0.0.3 02:00:00:00:00:01
t ip netns exec a arp -N
t ip netns exec a arp -f
t ip netns exec a arp -v
t ip netns exec a arp hello
t ip netns exec a arp -s 10.0.0.3 2:0:0:0:0:1
t "ip netns exec a arp -h 2>/dev/null"
t "ip netns exec a arp -N 2>/dev/null"
ns c b
pair c v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair c veryverylong01 02:00:00:00:00:1a b v2 02:00:00:00:00:1b
ip -n c addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
t ip netns exec c arp -s 10.0.0.3 2:0:0:0:0:1
t ip netns exec c arp -s 10.0.0.4 2:0:0:0:0:1:2
t ip netns exec c arp -s 10.0.0.4 2:0:0:0:0
t ip netns exec c arp -s 10.0.0.4 2:0:0:0:0:100
t ip netns exec c arp -s 10.0.0.4 2:0:0:0:0:1:
t ip netns exec c arp -s 10.0.0.4 2-0-0-0-0-1
t ip netns exec c arp -s 10.0.0.4 020000000001
t ip netns exec c arp -s 10.0.0.5 02:00:00:00:00:05 pub
t ip netns exec c arp -s 10.0.0.5 02:00:00:00:00:0a pub
t ip netns exec c arp -s 10.0.0.6 02:00:00:00:00:05 pub dev v0
t ip netns exec c arp -s 10.0.0.7 02:00:00:00:00:05 netmask 255.255.255.0
t ip netns exec c arp -s 10.0.0.7 02:00:00:00:00:05 netmask 255.255.255.0 pub
t ip netns exec c arp -s 10.0.0.7 02:00:00:00:00:05 netmask 0.0.0.0 pub dev v0
t ip netns exec c sysctl net.ipv4.conf.v0.proxy_arp
t ip netns exec c arp -s 10.0.0.8 02:00:00:00:00:05 trail auto priv
t ip netns exec c arp -s 10.0.0.1 02:00:00:00:00:05
t ip netns exec c arp -s 10.0.0.255 02:00:00:00:00:05
t ip netns exec c arp -s 224.0.0.1 02:00:00:00:00:05
t ip -n c neigh
t ip netns exec c arp -n -v
t ip netns exec c arp -a -v 10.0.0.3
t ip netns exec c arp -v -d 10.0.0.3
t ip netns exec c arp -d 10.0.0.6
t ip netns exec c arp -d 10.0.0.6 pub
t ip netns exec c arp -d 10.0.0.6 pub dev v0
t ip netns exec c arp -d 10.0.0.5 priv
t ip netns exec c arp -n -i v0 10.0.0.9
t ip netns exec c arp -a 10.0.0.9
t ip netns exec c arp -i lo -s 127.0.0.4 02:00:00:00:00:05
t ip netns exec c arp -n
t ip netns exec c arp -D -s 10.0.0.44 v0 temp
t ip netns exec c arp -an
t ip netns exec c busybox arp -an
t ip netns exec c busybox arp
t ip netns exec c busybox arp -n 10.0.0.77
t ip netns exec c busybox arp -v
t ip netns exec c busybox arp -d 10.0.0.77
t ip netns exec c busybox arp -d 10.0.0.44
t ip netns exec c busybox arp -s 10.99.0.1 02:00:00:00:00:05
t ip netns exec c busybox arp -s 10.0.0.44 02:00:00:00:00:05 pub
t ip netns exec c busybox arp -s 10.0.0.45 02:00:00:00:00:05 pub dev v0
t ip netns exec c busybox arp -s 10.0.0.46 02:00:00:00:00:05 temp
t ip netns exec c busybox arp -s 10.0.0.47 02:00:00:00:00:05
t ip netns exec c ping -c 1 -W 0.1 10.0.0.99
t ip netns exec c busybox arp -a
t ip netns exec c busybox arp 10.0.0.47
t ip netns exec c busybox arp -a -i v0
t ip -n c neigh del 10.0.0.47 dev v0
t ip -n c neigh replace 10.0.0.2 lladdr 02:00:00:00:00:77 dev v0 nud probe
sleep 3.3
t ip -n c neigh show 10.0.0.2
t ip netns exec c arp -n 10.0.0.2
t ip netns exec c cat /proc/net/arp
t ip netns exec c busybox arp -z
t ip netns exec c busybox arp -d
t ip netns exec c busybox arp -s 10.0.0.1 zz
t ip netns exec c busybox arp -s 10.0.0.1
t ip netns exec c busybox arp -Ds 10.0.0.1 nope
t ip netns exec c busybox arp hello
t ip netns exec c busybox arp -H foo
t ip netns exec c busybox arp -A foo
t ip netns exec c busybox arp -i nope
t ip netns exec c busybox arp -s 10.0.0.44 02:00:00:00:00:05 frob
