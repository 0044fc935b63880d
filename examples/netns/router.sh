#!/usr/bin/env bash
# A client and a server, each behind its own router leg: the lab that everybody builds by hand once.
# As root on Linux it runs by itself; `podwire sh examples/netns/router.sh` needs neither.
set -e

for name in client router server; do
    ip netns add $name
    ip -n $name link set lo up
done
ip link add eth0 netns client type veth peer name left netns router
ip link add eth0 netns server type veth peer name right netns router

ip -n client addr add 10.0.1.10/24 dev eth0
ip -n router addr add 10.0.1.1/24 dev left
ip -n router addr add 10.0.2.1/24 dev right
ip -n server addr add 10.0.2.20/24 dev eth0
for end in client:eth0 router:left router:right server:eth0; do
    ip -n ${end%:*} link set ${end#*:} up
done
ip -n client route add default via 10.0.1.1
ip -n server route add default via 10.0.2.1

echo "# the router does not forward yet"
ip netns exec client ping -c 1 -W 1 10.0.2.20 | tail -2 || true

echo "# now it does; what does the server see?"
ip netns exec router sysctl -w net.ipv4.ip_forward=1
ip netns exec server timeout 5 tcpdump -lnni eth0 icmp 2>/dev/null &
sleep 1 # until tcpdump listens; costs nothing in podwire
ip netns exec client ping -c 1 10.0.2.20
wait
