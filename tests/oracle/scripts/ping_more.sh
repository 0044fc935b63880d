# ping: more arguments, and routes that go while it runs
# area: ping
ns a r b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip -n b addr add 10.0.0.2/24 brd + dev v1
t ip netns exec a ping -c 1 -W 0.3 -I 10.0.0.1 8.8.8.8
t ip netns exec a ping -c 2 -i 0.2 -W 0.3 -I 10.0.0.1 -I v0 10.0.0.2
ip netns exec a ping -c 5 -i 0.3 -W 0.5 10.0.0.2 >out 2>&1 &
sleep 0.7
ip -n a addr flush dev v0
ip -n a route flush all
wait $!
t cat out
ip -n a addr add 10.0.0.1/24 brd + dev v0
ip netns exec a ping -c 4 -i 0.3 -W 0.5 10.0.0.2 >out 2>&1 &
sleep 0.7
ip -n a route add prohibit 10.0.0.2
wait $!
t cat out
t ip -n a route del prohibit 10.0.0.2
t ip netns exec a ping -4 -v -c 1 10.0.0.2
t ip netns exec a ping -B -c 1 10.0.0.2
t ip netns exec a ping -c 1 -M do -I 10.0.0.1 -b 10.0.0.255 -W 0.2
t ip netns exec a ping -c 1 -I 10.0.0.1 10.0.0.255 -W 0.2
t ip netns exec a ping -c 1 -s 65528 10.0.0.2 -W 0.2
t ip netns exec a ping -c 1 -s 65527 10.0.0.2 -W 0.2
t ip netns exec a ping -c 1 -W -1 10.0.0.2
t ip netns exec a ping -c 1 -W 9999999 10.0.0.2
t ip netns exec a ping -c 1 -i 9999999 10.0.0.2
t ip netns exec a ping -c 1 -i nan 10.0.0.2
t ip netns exec a ping -c 1 -i "''" 10.0.0.2
t ip netns exec a ping -c 1 -c 99999999999999999999 10.0.0.2
t ip netns exec a ping -c 1 -p "''" 10.0.0.2
t ip netns exec a ping -c 1 -p abc 10.0.0.2
t ip netns exec a ping -c 1 -p a 10.0.0.2
t ip netns exec a ping -c 1 -p 00112233445566778899aabbccddeeff00 -q 10.0.0.2
t ip netns exec a ping -c 1 -Q 0xzz 10.0.0.2
t ip netns exec a ping -c 1 -Q x 10.0.0.2
t ip netns exec a ping -c 1 -Q 0x1ff 10.0.0.2
t ip netns exec a ping -c 1 -Q -1 10.0.0.2
t ip netns exec a ping -c 1 -T frob 10.0.0.2
t ip netns exec a ping -c 1 -e 0 10.0.0.2
t ip netns exec a ping -c 1 -v -e 77 10.0.0.2
t ip netns exec a ping -c 1 -e 70000 10.0.0.2
t ip netns exec a ping -c 1 ""
t ip netns exec a ping -c 1 "''"
t ip netns exec a ping -c 1 10.0.0.2%v0
t ip netns exec a ping -c 1 0x0a000002
t ip netns exec a ping -c 1 012.0.0.2
t ip netns exec a ping -c 1 -- 10.0.0.2
t ip netns exec a ping 10.0.0.2 -c 1
t ip netns exec a ping -c 1 -m 5 10.0.0.2
t ip netns exec a ping -c 1 -m x 10.0.0.2
t ip netns exec a ping -c 1 -m -1 10.0.0.2
t ip netns exec a ping -c 3 -i 0.3 -l 2 10.0.0.2
t ip netns exec a ping -w 2 -c 1 10.0.0.9
t ip netns exec a ping -c 1 -I 999.1.1.1 10.0.0.2
t ip netns exec a ping -c 1 -I x:y 10.0.0.2
t ip netns exec a ping -c 1 -S 0 10.0.0.2
t "ip netns exec a ping -v -c 1 127.0.0.1 2>/dev/null"
t ip netns exec a ping -W 4 -c 1 -I v0 10.0.0.9
t ip netns exec a ping -W 4 -c 1 -I 10.0.0.1 10.0.0.9
