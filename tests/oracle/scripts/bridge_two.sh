# two bridges in a row: hosts behind both, names, order of what one command asks for
# area: bridge
ns s1 s2 a b c
for s in 1 2; do
ip -n s$s link add br0 address 02:00:00:00:00:b$s type bridge mcast_snooping 0 forward_delay 0
ip -n s$s link set br0 up
done
pair s1 u0 02:00:00:00:03:01 s2 u0 02:00:00:00:03:02
pair a v0 02:00:00:00:00:0a s1 p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b s2 p0 02:00:00:00:01:10
pair c v0 02:00:00:00:00:0c s2 p1 02:00:00:00:01:11
for p in u0 p0; do ip -n s1 link set $p master br0; done
for p in p0 p1 u0; do ip -n s2 link set $p master br0; done
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v0
ip -n c addr add 10.0.0.3/24 brd + dev v0
ip -n s1 addr add 10.0.0.101/24 brd + dev br0
ip -n s2 addr add 10.0.0.102/24 brd + dev br0
for n in a b c s1 s2; do sys $n net.ipv4.icmp_echo_ignore_broadcasts=0; done
dump s2 s2 -i any -n -t
t ip netns exec a ping -c 1 10.0.0.3
t ip netns exec s1 ping -c 1 10.0.0.2
t ip netns exec a ping -c 1 -s 3000 10.0.0.102
t "ip netns exec a ping -b -c 1 -w 1 10.0.0.255 | sort"
enddump
t "ip netns exec s2 bridge fdb show br br0 dynamic | sort"
t "ip netns exec s1 bridge fdb show br br0 dynamic | sort"
say a host moves
ip -n c link set v0 down
ip -n s2 link set p1 nomaster
ip -n c link set v0 up
sleep 1.2
t ip netns exec a ping -c 1 -W 0.3 10.0.0.3
t ip netns exec s2 bridge link
say neighbours by master
t "ip -n s2 neigh show master br0"
t "ip -n s2 neigh show dev br0 | sort"
t ip -n s2 -s -s link show br0
t ip -n s2 -s link show up
t "ip -n s2 -d addr show br0 | sed 's/_timer  *[0-9.]*/_timer X/g'"
t ip -n s2 link set br0 name bridge7
t ip netns exec s2 bridge link
t ip netns exec s2 bridge -j link
t ip -n s2 route
t ip -n s2 link set bridge7 down
sleep 1.2
t ip -n s2 route
t ip -n s2 link set bridge7 up
t ip netns exec a ping -c 1 -W 0.3 10.0.0.2
t ip -n s2 link set u0 master bridge7 mtu 1400
t ip -n s2 link show bridge7
t ip -n s2 link set bridge7 type bridge hello_time 1 ageing_time 5
t "ip -n s2 -d link show bridge7 | grep -o 'ageing_time [0-9]*'"
t ip -n s2 link set p0 nomaster type bridge_slave hairpin on
t ip netns exec s2 bridge link
t ip -n s2 link set p1 master bridge7 type bridge_slave hairpin on
t ip netns exec s2 bridge link
t ip netns exec s2 ip link set bridge7 arp off
t ip -n s2 link show bridge7
t ip -n s2 link add br9 up type bridge
t ip -n s2 link show br9
t ip -n s2 link add br8 up address 02:00:00:00:00:08 type bridge
sleep 1.2
t ip -n s2 link show br8
t ip -n s2 link del br8 type bridge
t ip -n s2 link show master bridge7
