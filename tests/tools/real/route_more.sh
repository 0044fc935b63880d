# route (net-tools and BusyBox): names, errors and changes
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
pair a veryverylong01 02:00:00:00:00:1a b v2 02:00:00:00:00:1b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n a route add 10.1.2.3 dev v0
ip -n a route add 0.0.0.0/1 dev v0
ip -n a route add 169.254.0.0/16 dev v0
ip -n a route add 10.5.0.0/16 via 10.0.0.9 advmss 1000 window 4000 rtt 30ms
ip -n a route add 10.6.0.0/16 dev veryverylong01
ip -n a route add blackhole 10.7.0.0/16
ip -n a route add unreachable 10.8.0.0/16
ip -n a route add broadcast 10.9.0.0/16 dev v0
ip -n a route add local 10.10.0.0/16 dev v0 table main
ip -n a route add multicast 225.0.0.0/8 dev v0
ip -n a route add throw 10.11.0.0/16
ip -n a route add 127.5.0.0/16 dev v0
ip -n a route add 10.77.0.0/16 via 127.0.0.1
ip -n a route add default via 10.0.0.254 metric 4294967295
t ip netns exec a route
t ip netns exec a route -n
t ip netns exec a route -nee
t ip netns exec a route -ne
t ip netns exec a cat /proc/net/route
t ip netns exec a busybox route
t ip netns exec a busybox route -n
t ip netns exec a route add -net 10.20.0.0/16
t ip netns exec a route add -net 10.20.0.0 v0
t ip netns exec a route add 10.20.0.1 v0
t ip netns exec a route add 10.20.0.0/16 v0
t ip netns exec a route add -net 10.20.0.0/16 v0
t ip netns exec a route add -net 10.21.0.0/16 gw 10.0.0.1
t ip netns exec a route add -net 10.21.0.0/16 gw 10.0.0.8 mss 1400 window 5000 irtt 300
t ip netns exec a route add -net 10.22.0.0/16 gw 10.0.0.8 mod dyn reinstate
t ip netns exec a route add -host 10.23.0.1 reject
t ip netns exec a route add -net 10.24.0.0/16 metric 3 reject
t ip netns exec a route add -net 0.0.0.0 netmask 0.0.0.0 gw 10.0.0.7
t ip netns exec a route add -net default gw 10.0.0.7 metric 7
t ip netns exec a route add default v0
t ip netns exec a route add default gw 10.0.0.7 veryverylong01
t ip netns exec a route add loopback gw 10.0.0.7
t ip netns exec a route add -net link-local gw 10.0.0.7
t ip netns exec a route add -net link-local netmask 255.255.0.0 gw 10.0.0.7
t ip netns exec a route add -net 10.0.0.0/24 reject
t ip -n a route
t ip netns exec a route del -net 10.24.0.0/16 reject
t ip netns exec a route del -net 10.24.0.0/16 reject metric 3
t ip netns exec a route del -net 10.21.0.0/16 gw 10.0.0.7
t ip netns exec a route del -net 10.21.0.0/16 gw 10.0.0.8
t ip netns exec a route delete -net 10.22.0.0/16 dev v0
t ip netns exec a route del -host 10.23.0.1
t ip netns exec a route del -host 10.23.0.1 reject
t ip netns exec a route del 10.20.0.1
t ip netns exec a route del -net 10.20.0.0 netmask 255.255.0.0
t ip netns exec a route del -net 10.7.0.0/16 dev v0
t ip netns exec a route del default
t ip netns exec a route del default
t ip netns exec a route del default
t ip -n a route
t ip netns exec a busybox route add default gw 10.0.0.77
t ip netns exec a busybox route add -host 10.66.0.1 v0
t ip netns exec a busybox route add 10.67.0.0/16 v0
t ip netns exec a busybox route add -net 10.67.0.0/16 reject
t ip netns exec a busybox route add -net 10.67.0.0/16 reject metric 4
t ip netns exec a busybox route del -net 10.67.0.0/16 reject
t ip netns exec a busybox route add -net 10.68.0.0/16 dev v0 metric 4 mss 1000
t ip netns exec a busybox route del -net 10.68.0.0/16 dev lo
t ip netns exec a busybox route add -net 10.69.0.0/16 v0 v1
t ip netns exec a busybox route -n
t ip -n a route
t ip netns exec a route -z
t ip netns exec a route --foo
t ip netns exec a route -A foo
t ip netns exec a route frob
t ip netns exec a route add
t ip netns exec a route add -net
t ip netns exec a route del
t ip netns exec a route flush
t ip netns exec a route -h -A inet
t ip netns exec a route add -net 10.20.0.0/16 dev nope
t ip netns exec a route add -host 10.20.0.5/24 v0
t ip netns exec a route add -net 10.21.0.0/16 gw default
t ip netns exec a route add -net 10.21.0.0/16 gw nohost
t ip netns exec a route add nohost gw 10.0.0.9
t ip netns exec a route add -net 10.21.0.0/16 netmask 255.255.0.0 gw 10.0.0.8
t ip netns exec a route add -net 10.21.0.0 netmask 255.0.255.0 gw 10.0.0.8
t ip netns exec a route add -net 10.21.0.0/33 gw 10.0.0.8
t ip netns exec a route add -net 10.21.0.0/x gw 10.0.0.8
t ip netns exec a route add -net 10.22.0.0/16 gw 10.0.0.8 mss 10
t ip netns exec a route add -net 10.22.0.0/16 gw 10.0.0.8 window 10
t ip netns exec a route add -net 10.22.0.0/16 gw 10.0.0.8 metric x
t ip netns exec a route add -net 10.22.0.0/16 gw 10.0.0.8 metric
t ip netns exec a route add -net 10.22.0.0/16 gw 10.0.0.8 v0 v1
t ip netns exec a route del -net 10.20.0.0/16 netmask 255.255.0.0
t ip netns exec a route del -net 10.20.0.0 netmask 255.255.0.0
t ip netns exec a busybox route add -net 10.30.0.0/16 gw default
t ip netns exec a busybox route add -net nope gw default
t ip netns exec a busybox route add -net 10.30.0.0/33 gw default
t ip netns exec a busybox route add -net 10.30.0.0/16 gw 10.0.0.7 metric x
t ip netns exec a busybox route add -net 10.30.0.0 netmask 255.0.255.0 gw 10.0.0.7
t ip netns exec a busybox route del -net 10.30.0.1/16
t ip netns exec a busybox route del -host 10.30.0.1/16
t ip netns exec a busybox route frob
t ip netns exec a busybox route -z
t ip netns exec a busybox route -A foo
t "ip netns exec a route -h 2>/dev/null"
t "ip netns exec a route -z 2>/dev/null"
t "ip netns exec a route add 2>/dev/null"
t "ip netns exec a route -A foo 2>/dev/null"
t "ip netns exec a busybox route frob 2>/dev/null"
