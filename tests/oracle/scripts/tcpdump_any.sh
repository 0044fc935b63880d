# tcpdump -i any (SLL2), -i lo, -D, devices that do not exist
# area: tcpdump
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n r addr add 10.0.0.254/24 brd + dev r0
ip -n r addr add 10.1.0.254/24 brd + dev r1
ip -n b addr add 10.1.0.2/24 brd + dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1
for o in "-n -t" "-n -t -e" "-n -t -v" "-n -t -e -v" "-n -t -q" "-n -t -y LINUX_SLL -e" "-n -t -y LINUX_SLL2 -x" "-n -t arp" "-n -t -Q in" "-n -t -Q out"; do
    for n in a r b; do ip -n $n neigh flush all; done
    dump r r -i any $o
    ip netns exec a ping -c 1 -s 8 -W 1 10.1.0.2 >/dev/null
    enddump
done
say broadcast and multicast
dump r r -i any -n -t -e
ip netns exec a ping -c 1 -s 8 -W 0.1 -b 10.0.0.255 >/dev/null 2>&1
ip netns exec a ping -c 1 -s 8 -W 0.1 224.0.0.1 >/dev/null 2>&1
ip netns exec a ping -c 1 -s 8 -W 0.1 127.0.0.1 >/dev/null 2>&1
ip netns exec r ping -c 1 -s 8 -W 0.1 127.0.0.1 >/dev/null 2>&1
ip netns exec r ping -c 1 -s 8 -W 0.1 10.0.0.254 >/dev/null 2>&1
enddump
dump lo r -i lo -n -t -e
ip netns exec r ping -c 1 -s 8 -W 0.1 10.0.0.254 >/dev/null 2>&1
enddump
t ip netns exec r tcpdump -D
t ip netns exec r tcpdump -i nope
t ip netns exec r tcpdump -i 1 -n -c 0
t ip netns exec r tcpdump -L -i r0
t ip netns exec r tcpdump -L -i any
ip -n r link set r0 down
t "timeout 0.5 ip netns exec r tcpdump -i r0 -n"
t "timeout 0.5 ip netns exec r tcpdump -n"
t ip netns exec r tcpdump -i any -Q nope
