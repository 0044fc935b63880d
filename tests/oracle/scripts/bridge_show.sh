# how bridges and ports are shown: ip -d link, bridge link, JSON, filters
# area: bridge
# frames: no — a bridge that snoops joins 224.0.0.106, and podwire sends no IGMP
ns sw a b
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
pair b v0 02:00:00:00:00:0b sw p1 02:00:00:00:01:01
ip -n sw link add br0 type bridge mcast_snooping 0 ageing_time 1000 forward_delay 0 hello_time 300 max_age 1000 priority 4096 group_fwd_mask 0x4000
ip -n sw link add br1 address 02:00:00:00:00:b1 type bridge
ip -n sw link set br0 up
ip -n sw link set p0 master br0
ip -n sw link set p1 master br1
no='s/_timer  *[0-9.]*/_timer X/g; s/_timer":[0-9.]*/_timer":X/g; s/_timer": [0-9.]*/_timer": X/g'
t ip -n sw link show
t ip -n sw link show master br0
t ip -n sw link show type bridge
t ip -n sw link show type bridge_slave
t ip -n sw -br link
t "ip -n sw -d link show br0 | sed '$no'"
t "ip -n sw -d link show br1 | sed '$no'"
t "ip -n sw -d link show p0 | sed '$no'"
t "ip -n sw -d link show p1 | sed '$no'"
t "ip -n sw -d -j link show br0 | sed '$no'"
t "ip -n sw -d -j link show p0 | sed '$no'"
t "ip -n sw -d addr show p0 | sed '$no'"
t ip netns exec sw bridge link
t ip netns exec sw bridge link show dev p0
t ip netns exec sw bridge link show dev br0
t ip netns exec sw bridge -d link
t ip netns exec sw bridge -j link
t ip netns exec sw bridge -j -p -d link show dev p0
t ip netns exec sw bridge -o -d link show dev p0
t ip netns exec sw bridge -s link
t ip -n sw link set p0 type bridge_slave hairpin on learning off flood off mcast_flood off bcast_flood off isolated on cost 10 priority 5 group_fwd_mask 0x4004
t "ip -n sw -d link show p0 | sed '$no'"
t ip netns exec sw bridge -d link show dev p0
t ip -n sw link set br1 type bridge priority 0 ageing_time 100 forward_delay 200
t "ip -n sw -d link show br1 | sed '$no'"
t "ip -n sw -d link show p1 | sed '$no'"
t ip netns exec sw bridge vlan
t ip netns exec sw bridge vlan show
t ip netns exec sw bridge -j vlan show
t ip netns exec sw bridge vlan show dev p0
say addresses that devices listen to
ip -n sw link add x0 address 02:00:00:00:02:00 type veth peer name x1 address 02:00:00:00:02:01
t ip netns exec sw bridge fdb
t ip -n sw link set x0 up
t ip -n sw link set br1 up
t ip netns exec sw bridge fdb show dev x0
t ip netns exec sw bridge fdb show br br1
t ip -n sw link set br1 down
t ip -n sw link set x0 down
t ip netns exec sw bridge fdb show dev x0
t ip netns exec sw bridge fdb show br br1
