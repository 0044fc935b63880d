# a carrier change reaches routes and link dumps a moment later (linkwatch);
# at most 1 s when both ends have the same ifindex; "show DEV" is always right
# area: link
# compare: no link \| grep -A — the kernel tells lists of a carrier change up to 1 s later
ns a b
ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a link set v0 up
ip -n b link set v1 up
say right after: the list may say DOWN with LOWER_UP, the single device does not
t "ip -n b link | grep -A 1 v1"
t ip -n b link show v1
sleep 1.2
t "ip -n b link | grep -A 1 v1"
t ip -n b link set v1 down
sleep 1.2
t ip -n a route
t ip -n a link show v0
t ip -n b link set v1 up
sleep 1.2
t ip -n a route
t "ip -n b link set v1 down; ip -n a -br link show v0"
t "ip -n b link set v1 up; ip -n a -br link show v0"
say different ifindexes: at once
ip -n b link add x0 address 02:00:00:00:00:01 type bridge
ip link add w0 netns a address 02:00:00:00:00:1a type veth peer name w1 netns b address 02:00:00:00:00:1b
ip -n a link set w0 up
ip -n b link set w1 up
t "ip -n b link | grep -A 1 w1"
