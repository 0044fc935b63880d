# 0.0.0.0 by a device without addresses: this host's 127.0.0.1 may not leave by it
# area: ping
ns a c
pair a ac0 02:00:00:00:02:01 c ca0 02:00:00:00:02:02
t ip netns exec c ping -n -c 1 -W 0.3 -I ca0 0.0.0.0
t ip netns exec c ping -n -c 1 -W 0.3 -I ca0 127.0.0.1
t ip -n c route get 127.0.0.1 oif ca0
t ip -n c route get 10.9.9.9 from 127.0.0.1 oif ca0
t ip -n c route get 0.0.0.9 oif ca0
sys c net.ipv4.conf.ca0.route_localnet=1
t ip -n c route get 127.0.0.1 oif ca0
t ip -n c route get 10.9.9.9 from 127.0.0.1 oif ca0
