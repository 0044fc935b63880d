# what a kernel refuses of bridges and their ports, and how ip and bridge say so
# area: bridge
ns sw a
ip -n sw link add br0 address 02:00:00:00:00:b0 type bridge
ip -n sw link add br1 address 02:00:00:00:00:b1 type bridge
pair a v0 02:00:00:00:00:0a sw p0 02:00:00:00:01:00
ip -n sw link add d0 address 02:00:00:00:01:02 type veth peer name d1 address 02:00:00:00:01:03
t ip -n sw link set lo master br0
t ip -n sw link set br1 master br0
t ip -n sw link set br0 master br0
t ip -n sw link set p0 master d0
t ip -n sw link set p0 master nosuch
t ip -n sw link set p0 master br0
t ip -n sw link set p0 master br0
t ip -n sw link set p0 master br1
t ip netns exec sw bridge link
t ip -n sw link set d0 nomaster
t ip -n sw link set d0 type bridge_slave hairpin on
t ip -n sw link set d0 type bridge ageing_time 100
t ip -n sw link set br1 type bridge_slave hairpin on
t ip -n sw link set p0 type bridge_slave cost 0
t ip -n sw link set p0 type bridge_slave cost 65536
t ip -n sw link set p0 type bridge_slave cost 65535
t ip -n sw link set p0 type bridge_slave priority 64
t ip -n sw link set p0 type bridge_slave priority 63
t ip -n sw link set p0 type bridge_slave state 3
t ip -n sw link set p0 type bridge_slave hairpin maybe
t ip -n sw link set p0 type bridge_slave cost x
t ip -n sw link set p0 type bridge_slave priority 65536
t ip -n sw link set p0 type bridge_slave group_fwd_mask 2
t ip -n sw link set p0 type bridge_slave group_fwd_mask 0x4000
t ip -n sw link set p0 type bridge_slave hairpin
t ip -n sw link set br1 type bridge group_fwd_mask 7
t ip -n sw link set br1 type bridge hello_time 1
t ip -n sw link set br1 type bridge max_age 1
t ip -n sw link set br1 type bridge forward_delay 1
t ip -n sw link set br1 type bridge forward_delay x
t ip -n sw link set br1 type bridge ageing_time -1
t ip -n sw link add br2 type bridge hello_time 1
t ip -n sw link show br2
t ip -n sw link set br2 master br1 up
t ip -n sw link add x1 master br1 type veth
t ip -n sw link add x2 master d1 type veth
t ip -n sw link show x2
t ip -n sw link add x3 master nosuch type veth
t ip netns exec sw bridge
t ip netns exec sw bridge -V
t ip netns exec sw bridge nosuch
t ip netns exec sw bridge -nosuch link
t ip netns exec sw bridge link nosuch
t ip netns exec sw bridge link show dev nosuch
t ip netns exec sw bridge link show dev p0 dev p0
t ip netns exec sw bridge link set hairpin on
t ip netns exec sw bridge link set dev nosuch hairpin on
t ip netns exec sw bridge link set dev p0 hairpin x
t ip netns exec sw bridge link set dev p0 hairpin
t ip netns exec sw bridge link set dev d0 hairpin on
t ip netns exec sw bridge link set dev br1 hairpin on
t ip netns exec sw bridge link set dev p0 cost 70000
t ip netns exec sw bridge link set dev p0 priority 64
t ip netns exec sw bridge link set dev p0 hairpin on self
t ip netns exec sw bridge link set dev p0 hairpin on master
t ip netns exec sw bridge link set dev p0
t ip netns exec sw bridge fdb nosuch
t ip netns exec sw bridge fdb add
t ip netns exec sw bridge fdb add 02:00:00:00:00:21
t ip netns exec sw bridge fdb add 02:00:00:00:00 dev p0
t ip netns exec sw bridge fdb add nonsense dev p0 master
t ip netns exec sw bridge fdb add 02:00:00:00:00:21 dev nosuch
t ip netns exec sw bridge fdb add 02:00:00:00:00:21 dev lo
t ip netns exec sw bridge fdb add 00:00:00:00:00:00 dev p0 master
t ip netns exec sw bridge fdb add 02:00:00:00:00:21 dev d0 master
t ip netns exec sw bridge fdb add 02:00:00:00:00:21 dev d0 dynamic
t ip netns exec sw bridge fdb add 02:00:00:00:00:21 dev br1 self static
t ip netns exec sw bridge fdb add 02:00:00:00:00:21 dev p0 master permanent sticky
t ip netns exec sw bridge fdb del 02:00:00:00:00:21 dev p0 master
t ip netns exec sw bridge fdb del 02:00:00:00:00:21 dev p0
t ip netns exec sw bridge fdb del 02:00:00:00:00:21 dev d0 master
t ip netns exec sw bridge fdb del 02:00:00:00:00:21 dev br1
t ip netns exec sw bridge fdb get 02:00:00:00:00:21
t ip netns exec sw bridge fdb get 02:00:00:00:00:21 br br1
t ip netns exec sw bridge fdb get 02:00:00:00:00:21 br nosuch
t ip netns exec sw bridge fdb get 02:00:00:00:00:21 dev nosuch
t ip netns exec sw bridge fdb get 02:00:00:00:00:21 dev d0
t ip netns exec sw bridge fdb get 02:00:00:00:00:21 br d0
t ip netns exec sw bridge fdb show br nosuch
t ip netns exec sw bridge fdb show dev nosuch
t ip netns exec sw bridge fdb show br d0
t ip netns exec sw bridge fdb show state nosuch
t ip netns exec sw bridge fdb flush
t ip netns exec sw bridge fdb flush dev nosuch
t ip netns exec sw bridge fdb flush dev d0
t ip netns exec sw bridge fdb flush dev d0 master
t ip netns exec sw bridge fdb flush dev br1 brport nosuch
t ip netns exec sw bridge fdb flush dev br1 brport d0
t ip netns exec sw bridge fdb flush dev p0
t ip netns exec sw bridge fdb flush dev p0 master
t ip netns exec sw bridge fdb get 02:00:00:00:01:00 dev p0 self
t ip netns exec sw bridge fdb get 02:00:00:00:01:00 dev br1
t ip netns exec sw bridge fdb get 02:00:00:00:01:00 dev p0 br br1
t ip netns exec sw bridge fdb flush dev br0 brport p0
t ip netns exec sw bridge fdb del 02:00:00:00:00:21 dev lo
t ip -n sw link set br0 netns a
t ip -n sw link set br0 type bridge
t ip -n sw link set p0 type bridge_slave
t ip netns exec sw bridge vlan nosuch
t ip netns exec sw bridge vlan show dev nosuch
