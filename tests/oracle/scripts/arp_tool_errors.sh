# arp, route and arping: wrong commands, their words and exit statuses
# area: tools
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
sleep 1.2
e() { t ip netns exec a "$@"; }
e arp -d
e arp -s
e arp -s 10.0.0.2
e arp -s 10.0.0.2 zz
e arp -s 10.0.0.2 02:00:00:00:00
e arp -s 10.0.0.300 02:00:00:00:00:02
e arp -s 192.168.1.1 02:00:00:00:00:02
e arp -s 10.0.0.2 02:00:00:00:00:02 nosuch
e arp -d 10.0.0.2
e arp -d 192.168.1.1
e arp -d nosuch.invalid
e arp -n 10.0.0.2
e arp -n 300.1.1.1
e arp -i nosuch -n
e arp -n -i v0
e arp -H nosuch -n
e arp -n 10.0.0.2 10.0.0.3
e route add
e route add 10.5.0.0
e route add -net 10.5.0.0
e route add -net 10.5.0.0/16
e route add -net 10.5.0.1/16 gw 10.0.0.2
e route add -net 10.5.0.0/33 gw 10.0.0.2
e route add -net 10.5.0.0 netmask 255.0.255.0 gw 10.0.0.2
e route add -net 10.5.0.0/16 gw 192.168.1.1
e route add -net 10.5.0.0/16 gw nosuch.invalid
e route add -net 10.5.0.0/16 dev nosuch
e route add -host 10.5.0.1/16 gw 10.0.0.2
e route add default gw
e route add default gw 10.0.0.2 metric x
e route add default gw 10.0.0.2
e route add default gw 10.0.0.2
e route add -net 10.5.0.0/16 gw 10.0.0.2 frob
e route del
e route del default gw 10.0.0.3
e route del -net 10.6.0.0/16
e route del default
e route del default
e route frob
e route -n
e arping
e arping -I v0
e arping -I nosuch 10.0.0.2
e arping -I lo 10.0.0.2
e arping -c 0 -I v0 10.0.0.2
e arping -c x -I v0 10.0.0.2
e arping -w -1 -I v0 10.0.0.2
e arping -c 1 -s 10.0.0.9 -I v0 10.0.0.2
e arping -c 1 -I v0 10.0.0.2 10.0.0.3
e arping -c 1 -I v0 nosuch.invalid
e arping -c 1 -w 1 -q -I v0 10.0.0.2
e arping -Z -I v0 10.0.0.2
