# frames to 01:80:c2:00:00:0x: which a bridge keeps to itself, which it forwards
# area: bridge
ns sw a b c
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0
ip -n sw link set br0 up
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
pair c v0 02:00:00:00:00:0c sw p2 02:00:00:00:01:02
for p in p0 p1 p2; do ip -n sw link set $p master br0; done
for h in a/1 b/2 c/3; do ip -n ${h%/*} addr add 10.0.0.${h#*/}/24 dev v0; done
know() { ip -n $1 neigh replace $2 lladdr $3 nud permanent dev v0; }
know a 10.0.0.2 02:00:00:00:00:0b
know a 10.0.0.3 02:00:00:00:00:0c
know b 10.0.0.1 02:00:00:00:00:0a
know b 10.0.0.3 02:00:00:00:00:0c
know c 10.0.0.1 02:00:00:00:00:0a
know c 10.0.0.2 02:00:00:00:00:0b
fdb() { t "ip netns exec sw bridge fdb show br br0 $* | grep -v self"; }
see() { dump sw sw -i any -n -t; }
ip -n a addr add 10.0.1.1/24 dev v0
for x in 0 1 2 3 e; do know a 10.0.1.1$((0x$x)) 01:80:c2:00:00:0$x; done
know a 10.0.1.99 01:80:c2:00:00:10
try() {
    see
    for x in 10 11 12 13 114 99; do t ip netns exec a ping -c 1 -W 0.05 10.0.1.$x; done
    enddump
}
try
t ip -n sw link set br0 type bridge group_fwd_mask 0x4008
try
t ip -n sw link set p0 type bridge_slave group_fwd_mask 0x4004
t ip -n sw link set br0 type bridge group_fwd_mask 0
try
fdb
