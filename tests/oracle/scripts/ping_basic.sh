# ping: success, options that change the text
# area: ping
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n a addr add 10.0.0.7/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
t ip netns exec a ping -c 1 10.0.0.2
t ip netns exec a ping -c 3 -i 0.2 10.0.0.2
t ip netns exec a ping -n -c 1 10.0.0.2
t ip netns exec a ping -q -c 2 -i 0.1 10.0.0.2
t ip netns exec a ping -c 2 -i 0.1 -s 8 10.0.0.2
t ip netns exec a ping -c 1 -s 15 10.0.0.2
t ip netns exec a ping -c 1 -s 16 10.0.0.2
t ip netns exec a ping -c 1 -s 0 10.0.0.2
t ip netns exec a ping -c 1 -s 1472 10.0.0.2
t ip netns exec a ping -c 1 -s 1473 10.0.0.2
t ip netns exec a ping -c 1 -s 65507 10.0.0.2
t ip netns exec a ping -c 1 -t 5 10.0.0.2
t ip netns exec a ping -c 1 -Q 0x10 10.0.0.2
t ip netns exec a ping -c 1 -p ff00 10.0.0.2
t ip netns exec a ping -c 1 -I v0 10.0.0.2
t ip netns exec a ping -c 1 -I 10.0.0.7 10.0.0.2
t ip netns exec a ping -c 1 -I v0 -I 10.0.0.7 10.0.0.2
t ip netns exec a ping -c 1 -D 10.0.0.2
t ip netns exec a ping -c 1 -O 10.0.0.2
t ip netns exec a ping -c 1 -v 10.0.0.2
t ip netns exec a ping -c 1 -a 10.0.0.2
t ip netns exec a ping -c 3 -f 10.0.0.2
t ip netns exec a ping -c 2 -A 10.0.0.2
t ip netns exec a ping -c 2 -l 2 10.0.0.2
t ip netns exec a ping -c 1 -M do 10.0.0.2
t ip netns exec a ping -c 1 -M dont 10.0.0.2
t ip netns exec a ping -c 1 -M want 10.0.0.2
t ip netns exec a ping -c 1 -e 40000 10.0.0.2
t ip netns exec a ping -c 1 -U 10.0.0.2
t ip netns exec a ping -c 1 -r 10.0.0.2
t ip netns exec a ping -c 1 -L 10.0.0.2
t ip netns exec a ping -4 -c 1 10.0.0.2
t ip netns exec a ping -c1 -W1 -i.2 10.0.0.2
t ip netns exec a ping -w 1 -i 0.4 10.0.0.2
t ip netns exec a ping -c 1 10.2
t ip netns exec a ping -c 1 0
t ip netns exec a ping -c 1 127.0.0.1
t ip netns exec a ping -c 1 127.1.2.3
t ip netns exec a ping -c 1 localhost
t ip netns exec a ping -c 1 10.0.0.1
t ip netns exec a ping -c 1 -I 10.0.0.7 10.0.0.1
t ip netns exec a ping -c 1 -b 10.0.0.255
t ip netns exec a ping -c 1 10.0.0.255
ip netns exec b sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
t ip netns exec a ping -c 2 -i 0.2 -b 10.0.0.255
t ip netns exec a ping -c 2 -i 0.2 -b 255.255.255.255
t ip netns exec a ping -c 1 224.0.0.1
