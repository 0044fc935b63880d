# ss without sockets of programs: headers, filters, errors, the sockets of tunnels
# area: sockets
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
t ip netns exec a ss -V
t ip netns exec a ss -tan
t ip netns exec a ss -tn
t ip netns exec a ss -tnl
t ip netns exec a ss -tanH
t ip netns exec a ss -tunap
t ip netns exec a ss -un
t ip netns exec a ss -t state time-wait
t ip netns exec a ss -tan state foo
t ip netns exec a ss -tan state
t ip netns exec a ss -tan foo
t ip netns exec a ss -tan dport = :foo
t ip netns exec a ss -tan dport = :http sport eq 5
t ip netns exec a ss -tan not '"( dport = :80 or src 10.0.0.0/8 )"'
t ip netns exec a ss -tan sport
t ip netns exec a ss --foo
t ip netns exec a ss -h
say the socket of a tunnel has no process
ip -n a link add vx type vxlan id 1 dstport 4789 local 10.0.0.1 dev v0
ip -n a link set vx up
t ip netns exec a ss -unl
t ip netns exec a ss -unlp
t ip netns exec a ss -tunl
t ip netns exec a ss -unl sport = :4789
t ip netns exec a ss -unl sport = :4790
ip -n a link del vx
t ip netns exec a ss -unl
