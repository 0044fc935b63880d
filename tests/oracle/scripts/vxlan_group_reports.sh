# joining and leaving the group of a VXLAN device: the reports of IGMP, their number, the switches, the errors
# area: tunnel
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0
ip -n b addr add 10.0.0.2/24 dev e0
make() { t ip -n a link add $1 address 66:00:00:00:00:0$2 type vxlan id $2 group $3 dev e0 dstport 4789; }
up() { t ip -n a link set $1 up; sleep ${2:-0.3}; }
down() { t ip -n a link set $1 down; sleep ${2:-0.3}; }
say errors
t ip -n a link add v1 type vxlan id 1 group 239.1.1.1 dstport 4789
t ip -n a link add v1 type vxlan id 1 group 10.0.0.2 dev e0 dstport 4789
t ip -n a link add v1 type vxlan id 1 group any dev e0 dstport 4789
t ip -n a link add v1 type vxlan id 1 remote 239.1.1.1 dev e0 dstport 4789
t ip -n a link add v1 type vxlan id 1 group 239.1.1.1 local 239.1.1.2 dev e0 dstport 4789
t ip -n a link add v1 type vxlan id 1 group 239.1.1.1 dev nosuch dstport 4789
t ip -n a link add v1 type vxlan id 1 group 239.1.1.1 local any dev e0 dstport 4789
t ip -n a link add v1 type vxlan id 1 local any group 239.1.1.1 dev e0 dstport 4789
t ip -n a link add v1 type vxlan id 1 local 10.0.0.1 remote any dev e0 dstport 4789
t ip -n a link add v1 type vxlan id 1 group 239.1.1.1 remote 10.0.0.2 dev e0 dstport 4789
say the usual times: at once, and once more within a second
dump usual b -i e0 -n -t -e -v
make v1 1 239.1.1.1
up v1 1.2
down v1 1.2
enddump
sys a net.ipv4.conf.e0.igmpv3_unsolicited_report_interval=20
say two devices share a membership
dump shared b -i e0 -n -t -v
make v2 2 239.1.1.1
up v1
up v2
down v1
down v2
enddump
say two groups, and another one
dump more b -i e0 -n -t -v
make v3 3 239.1.1.3
up v1
up v3
t ip -n a link set v3 type vxlan id 3 group 239.1.1.4 dev e0
sleep 0.3
t ip netns exec a bridge fdb show
t ip -n a link set v3 type vxlan id 3 remote 10.0.0.2 dev e0
sleep 0.3
t ip -n a link set v3 type vxlan id 3 group 239.1.1.5 dev e0
sleep 0.3
t "ip -n a -d link show v3 | grep vxlan"
enddump
say the lower device goes down and comes up
dump lower b -i e0 -n -t -v
t ip -n a link set e0 down
t ip netns exec a bridge fdb show dev e0
t ip -n a route get 239.1.1.1 oif e0
t ip -n a link set e0 up
sleep 0.3
t ip netns exec a bridge fdb show dev e0
t ip -n a addr del 10.0.0.1/24 dev e0
t ip -n a link set e0 down
t ip -n a link del v3
sleep 0.3
t ip -n a link set e0 up
sleep 0.3
t ip -n a addr add 10.0.0.1/24 dev e0 scope link
t ip -n a link del v1
sleep 0.3
enddump
say a device that comes up over one that is down
t ip -n a link set e0 down
t ip -n a link set v2 up
t ip -n a addr add 10.9.0.1/24 dev v2
t ip -n a neigh add 10.9.0.2 lladdr 66:00:00:00:00:99 nud permanent dev v2
t ip netns exec a ping -c 1 -W 0.3 10.9.0.2
t "ip -n a -s link show v2 | grep -A1 X:"
t ip netns exec a bridge fdb show
dump late b -i e0 -n -t -v igmp
t ip -n a link set e0 up
sleep 0.3
enddump
say routes to a group, in and out
t ip -n a route get 239.1.1.1
t ip -n a route get 239.1.1.1 oif e0
t ip -n a route get 239.1.1.7 oif e0
t ip -n a route get 239.1.1.1 from 10.0.0.2 iif e0
t ip -n a route get 239.1.1.7 from 10.0.0.2 iif e0
say switches
t ip netns exec a sysctl net.ipv4.igmp_qrv net.ipv4.igmp_max_memberships net.ipv4.igmp_link_local_mcast_reports
t ip netns exec a sysctl -w net.ipv4.igmp_qrv=0
t ip netns exec a sysctl -w net.ipv4.igmp_link_local_mcast_reports=256
dump switches b -i e0 -n -t -v igmp
t ip netns exec a sysctl -w net.ipv4.igmp_qrv=3
down v2
t ip -n a link set e0 down
t ip -n a link set e0 up
up v2
down v2
make v4 4 224.0.0.99
up v4
down v4
t ip netns exec a sysctl -w net.ipv4.igmp_link_local_mcast_reports=0
up v4
down v4
enddump
say as many groups as one socket may have
t ip netns exec a sysctl -w net.ipv4.igmp_max_memberships=1
make v5 5 239.1.1.5
up v2
up v5
t ip -n a link show v5
t ip -n a link set v2 type vxlan id 2 group 239.1.1.6 dev e0
t ip -n a link set v4 up
t ip netns exec a bridge fdb show
t ip -n a link add v6 address 66:00:00:00:00:06 type vxlan id 6 group 239.1.1.6 dev e0 dstport 4790
t ip -n a link set v6 up
sleep 0.2
say a change to a group that cannot be joined, and from one
dump refused b -i e0 -n -t -v igmp
make v7 7 239.1.1.6
up v7
t ip -n a link set v7 type vxlan id 7 group 239.1.1.7 dev e0 ttl 9
t "ip -n a -d link show v7 | grep vxlan"
t ip -n a link set v7 type vxlan id 7 group 239.1.1.9 dev e0
t ip netns exec a bridge fdb show dev v7
sys a net.ipv4.igmp_max_memberships=5
t ip -n a link set v7 type vxlan id 7 group 239.1.1.10 dev e0
t ip netns exec a bridge fdb show
t ip -n a link set v7 type vxlan id 7 remote 10.0.0.2 dev e0
t ip netns exec a bridge fdb show dev v7
sys a net.ipv4.igmp_max_memberships=1
t ip -n a link set v7 type vxlan id 7 group 239.1.1.8 dev e0
down v7
t ip -n a link show v7
up v7
down v2
up v7
t ip netns exec a bridge fdb show
enddump
say a device for all multicast takes no more groups
sys b net.ipv4.icmp_echo_ignore_broadcasts=0
t ip -n b link set e0 allmulticast on
t ip netns exec a ping -c 1 -W 0.3 -I e0 239.1.1.9
t "ip -n a neigh show nud all dev e0 | sort"
