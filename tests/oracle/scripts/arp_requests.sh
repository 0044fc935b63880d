# requests that are not answered, DAD, wrong subnet, rp_filter and ARP (F40)
# area: arp
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n b addr add 10.7.0.2/24 dev v1
ip -n b addr add 10.8.0.1/24 dev lo
ask() { t "ip netns exec a arping -f -c 1 -w 1 $* | sed 's/  [0-9.]*ms//'"; }
ask -I v0 10.7.0.2
ask -I v0 10.8.0.1
ask -I v0 127.0.0.1
ask -I v0 10.0.0.255
ask -I v0 224.0.0.1
say a sender that b has no route to
ip -n a addr add 192.168.77.1/24 dev v0
ask -s 192.168.77.1 -I v0 10.0.0.2
t "ip -n b neigh | sort"
ip -n b neigh flush all
ip -n b route add 192.168.77.0/24 dev v1
ask -s 192.168.77.1 -I v0 10.0.0.2
t "ip -n b neigh | sort"
ip -n b neigh flush all
say the same with rp_filter=1, route by another interface
ip -n b link add d0 address 02:00:00:00:00:d0 type veth peer name d1 address 02:00:00:00:00:d1
ip -n b link set d0 up
ip -n b route del 192.168.77.0/24
ip -n b route add 192.168.77.0/24 dev d0
ask -s 192.168.77.1 -I v0 10.0.0.2
sys b net.ipv4.conf.v1.rp_filter=1
ask -s 192.168.77.1 -I v0 10.0.0.2
sys b net.ipv4.conf.v1.rp_filter=2
ask -s 192.168.77.1 -I v0 10.0.0.2
t "ip -n b neigh | sort"
say interface without ARP
ip -n b neigh flush all
ip -n b link set v1 arp off
ask -I v0 10.0.0.2
dump b b -i v1 -n -t -e
t ip netns exec b ping -c 1 -W 0.3 10.0.0.1
enddump
t "ip -n b neigh show nud all | sort"
