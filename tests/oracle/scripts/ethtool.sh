# ethtool: what a veth, a bridge and lo are; offloads that are off already
# area: tools
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
command ip -n a link add br0 address 02:00:00:00:00:0c type bridge
command ip netns exec a ethtool -K v0 tx off rx off tso off gso off gro off sg off >/dev/null
sleep 1.2
e() { t ip netns exec a ethtool "$@"; }
for d in v0 br0 lo nope; do
    e $d
    e -i $d
    e -P $d
    e -S $d
done
e -k v0
e -k nope
e -k v0 x
e -K v0 tx off
e -K v0 rx off tso off gso off gro off sg off
e -K v0 tx-checksum-ip-generic off lro off ntuple off rxhash off
e -K v0 rxvlan on txvlan on highdma on
e -K v0
e -K v0 tx
e -K v0 tx off rx
e -K v0 tx maybe
e -K nope tx off
e --driver v0
e --show-permaddr v0
e --offload v0 tx off
e -i v0 x
e -S v0 x
e -i
e -K
e
e --nosuch v0
e --version
ip -n a link set v0 down
e v0
