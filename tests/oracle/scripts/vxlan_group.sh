# a group as default destination: what floods goes to it, who joined learns and answers by unicast, nobody else hears it
# area: tunnel
# frames: set — copies of one frame leave at one instant
ns sw a b c
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0
ip -n sw link set br0 up
i=0
for h in a b c; do
    i=$((i + 1))
    pair $h e0 02:00:00:00:00:0$h sw p$i 02:00:00:00:01:0$i
    ip -n sw link set p$i master br0
    ip -n $h addr add 10.0.0.$i/24 dev e0
    sys $h net.ipv4.conf.e0.igmpv3_unsolicited_report_interval=20
done
know() { ip -n $1 neigh replace 10.0.0.$2 lladdr 02:00:00:00:00:0$3 nud permanent dev e0; }
know a 2 b; know a 3 c; know b 1 a; know b 3 c; know c 1 a; know c 2 b
make() { # HOST NUMBER VNI OPTIONS
    ip -n $1 link add vx address 66:00:00:00:00:0$1 type vxlan id $3 group 239.1.1.1 dev e0 dstport 4789 ${*:4}
    ip -n $1 link set vx up
    ip -n $1 addr add 10.9.0.$2/24 dev vx
    sys $1 net.ipv4.neigh.vx.delay_first_probe_time=60
}
see() { dump wire a -i e0 -n -t -v udp; dump far $1 -i vx -n -t -e; }
ask() { t ip netns exec a ping -c 1 -W 0.3 "$@"; }
make a 1 7
make b 2 7
sleep 0.3
for h in a b c; do t ip netns exec $h bridge fdb show; done
t "ip -n a -d link show vx | grep vxlan"
say the first question to the group, the answer and the next one by unicast
see b
ask 10.9.0.2
sleep 0.1
ask 10.9.0.2
enddump
for h in a b; do t ip netns exec $h bridge fdb show dev vx; done
say broadcasts and groups inside go to the group
see b
t ip netns exec a ping -b -c 1 -W 0.3 10.9.0.255
t ip netns exec a ping -c 1 -W 0.3 -I vx 224.0.0.1
enddump
say who has not joined, and who has another VNI, hears nothing
make c 3 8
sleep 0.3
dump other c -i vx -n -t
t ip -n a neigh del 10.9.0.2 dev vx
ask 10.9.0.3
enddump
t ip -n a neigh del 10.9.0.3 dev vx
t "ip -n c -s link show vx | grep -A1 X:"
t ip -n c link del vx
sleep 0.3
say one who joins later is found
make c 3 7
sleep 0.3
ask 10.9.0.3
t ip netns exec a bridge fdb show dev vx
say of two devices with one group both hear their own VNI
ip -n a link add vy address 66:00:00:00:01:0a type vxlan id 9 group 239.1.1.1 dev e0 dstport 4789
ip -n a link set vy up
ip -n a addr add 10.8.0.1/24 dev vy
ip -n c link add vy address 66:00:00:00:01:0c type vxlan id 9 group 239.1.1.1 dev e0 dstport 4789
ip -n c link set vy up
ip -n c addr add 10.8.0.3/24 dev vy
sleep 0.3
ask 10.8.0.3
t ip -n c link set vx down
ask 10.8.0.3
t ip -n c neigh del 10.8.0.1 dev vy
t ip netns exec c ping -c 1 -W 0.3 10.8.0.1
say TTL, TOS and DF of what goes to the group
for o in "ttl inherit" "ttl 9" "tos inherit" "tos 0x10" "df set" "df inherit" "local 10.0.0.1" noudpcsum; do
    say $o
    ip -n a link del vx
    make a 1 7 $o nolearning
    sleep 0.2
    ip -n a neigh add 10.9.0.2 lladdr 66:00:00:00:00:0b nud permanent dev vx
    dump wire a -i e0 -n -t -v udp
    ask -Q 0xb9 -t 33 10.9.0.2
    enddump
done
say a member answers an echo request for the group where it is told to
sys b net.ipv4.icmp_echo_ignore_broadcasts=0
dump wire a -i e0 -n -t icmp
ask -I e0 239.1.1.1
ask -I e0 239.1.1.2
t ip netns exec b ping -c 1 -W 0.3 -I e0 239.1.1.1
t ip netns exec b ping -L -c 1 -W 0.3 -I e0 239.1.1.1
enddump
