# carrier and operational state of veth ends and of an empty bridge
# area: link
ns a b
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
t ip -n a -br link
t ip -n b -br link
t ip -n a link set v0 up
t ip -n a -br link
t ip -n b -br link
t ip -n b link show v1
t ip -n b link set v1 up
t ip -n a link show v0
t ip -n b link show v1
t ip -n b link set v1 down
t ip -n a link show v0
t ip -n b link show v1
t ip -n a -br addr
t ip -n a link set v0 down
t ip -n a link show v0
t ip -n b link show v1
t ip -n b link set v1 up
t ip -n b link show v1
t ip -n a link show v0
say both ends in one namespace: M-DOWN
t ip -n a link add p0 address 02:00:00:00:00:01 type veth peer name p1 address 02:00:00:00:00:02
t ip -n a link
t ip -n a link set p0 up
t ip -n a link
t ip -n a link set p1 up
t ip -n a link
t ip -n a link set p0 down
t ip -n a link
t ip -n a -br link
t ip -n a link show up
say a bridge without ports
t ip -n a link add br0 address 02:00:00:00:00:09 type bridge
t ip -n a link set br0 up
t ip -n a link show br0
say deleting one end
t ip -n a link del p0
t ip -n a -br link
