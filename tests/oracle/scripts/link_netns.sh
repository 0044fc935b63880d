# moving devices between namespaces: indexes, @ifN, link-netnsid, link-netns
# area: link
# frames: no — `ip netns pids` would show the captures, and nothing is sent
ns a b c
t ip netns
t ip netns list
t ip -n a link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
t ip -n a -o link
t ip -n a addr add 10.0.0.1/24 dev v1
t ip -n a link set v1 up
t ip -n a link set v1 netns b
t ip -n a -o link
t ip -n b -o link
t ip -n b -o addr
t ip netns
t ip netns exec a ip link show v0
t ip netns exec b ip link show v1
t ip -n a link add w0 address 02:00:00:00:00:03 type veth peer name w1 address 02:00:00:00:00:04
t ip -n a link set w1 netns c
t ip -n c -o link
t ip -n a -o link
t ip netns
t ip -n b netns
t ip -n a netns
say name and index conflicts
t ip -n c link add v1 address 02:00:00:00:00:05 type veth peer name z1 address 02:00:00:00:00:06
t ip -n b link set v1 netns c
t ip -n b link set v1 netns c name v2
t ip -n c -o link
t ip -n a -o link
t ip -n c link set v2 netns a
t ip -n a -o link
say to its own namespace and by pid
t ip -n a link set v0 netns a
t ip -n a link set v0 netns 1
t ip -o link
t ip -n a link set w0 netns 999999
say deleting namespaces
t ip netns del c
sleep 0.5
t ip -n a -o link
t ip -o link
t ip netns
t ip netns del nope
t ip netns add a
t ip netns add d/e
t ip netns exec nope true
t ip netns exec a
t ip netns exec a nosuchcommand
t ip netns exec a false
t ip netns exec a sh -c "'exit 7'"
t ip netns identify
t ip netns pids a
t ip netns attach
t ip -all netns exec true
t ip netns frob
