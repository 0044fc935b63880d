# tcpdump: filter grammar errors, bad options, which stream gets what
# area: tcpdump
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
for f in "foo" "host" "host 10.0.0.300" "host no.such.name" "net 10.0.0.1/24" "net 10.0.0.0/33" "port 99999" "port nosuch" "portrange 5" "proto 300" "tcp port" "src" "and" "icmp and" "not" "(icmp" "icmp)" "ip[" "icmp[icmptype]" "icmp[icmptype]=icmp-nope" "ether host 10.0.0.1" "ether host zz" "arp port 5" "less" "tcp and udp" "icmp icmp" "host 10.0.0.1 or" "10.0.0.1 port" "vlan and vlan" "ip proto nosuch"; do
    t "ip netns exec a timeout 0.3 tcpdump -i v0 -n '$f'"
done
t ip netns exec a tcpdump --version
t ip netns exec a tcpdump -k
t ip netns exec a tcpdump -c x -i v0
t ip netns exec a tcpdump -c 0 -i v0
t ip netns exec a tcpdump -i
t ip netns exec a tcpdump -s x -i v0
t ip netns exec a tcpdump -r no.such.file
t ip netns exec a tcpdump -w no/dir/x.pcap -i v0
t "ip netns exec a timeout 0.3 tcpdump -i v0 -n -tttttt"
t ip netns exec a tcpdump -Q sideways -i v0
t ip netns exec a tcpdump -y NOPE -i v0
say streams
exec ip netns exec a tcpdump -l --immediate-mode -i v0 -n -t icmp >out 2>err &
sleep 0.4
ip netns exec a ping -c 1 -s 8 10.0.0.2 >/dev/null
sleep 0.2
kill -INT $!
wait $!
say "exit $?, stdout:"
cat out
say stderr:
cat err
t "(sleep 0.3; ip netns exec a ping -c 1 -s 8 10.0.0.2 >/dev/null) & ip netns exec a tcpdump -i v0 -n -t -c 1 icmp 2>/dev/null"
t "(sleep 0.3; ip netns exec a ping -c 1 -s 8 10.0.0.2 >/dev/null) & ip netns exec a tcpdump -i v0 -n -t -c 1 icmp 2>&1 >/dev/null"
t "(sleep 0.3; ip netns exec a ping -c 1 -s 8 10.0.0.2 >/dev/null) & ip netns exec a tcpdump -i v0 -n -t -v -c 1 icmp"
t "timeout 0.5 ip netns exec a tcpdump -i v0 -n -t udp"
t "timeout -s INT 0.5 ip netns exec a tcpdump -i v0 -n -t udp"
