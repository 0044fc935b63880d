# generated: the first fragment that a device does not take ends it: ping is told ENOBUFS, a router and a reply stop silently
# area: icmp
ns a b
pair a v0 02:00:00:00:00:0a b w0 02:00:00:00:00:0b
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n b addr add 10.0.0.2/24 dev w0
sys a net.ipv4.neigh.v0.delay_first_probe_time=60
sys b net.ipv4.neigh.w0.delay_first_probe_time=60
t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.2
t ip -n b link set w0 mtu 1000
t ip netns exec a ping -n -c 1 -W 0.3 -s 3000 10.0.0.2
t ip netns exec a ping -n -q -c 1 -W 0.3 -s 3000 10.0.0.2
t ip netns exec a ping -n -c 2 -i 0.2 -W 0.3 -s 1400 10.0.0.2
t ip netns exec b ping -n -c 1 -W 0.3 -s 3000 10.0.0.1
t ip -n a -s link show v0
t ip -n b -s link show w0
say tried again at half the interval, for as long as -W says
t ip netns exec a ping -n -c 1 -W 1.2 -s 3000 10.0.0.2
t ip -n a -s link show v0
say without a carrier nobody is told
t ip -n b link set w0 down
sleep 1.2
t ip netns exec a ping -n -c 1 -W 0.3 -s 3000 10.0.0.2
t ip -n a -s link show v0
