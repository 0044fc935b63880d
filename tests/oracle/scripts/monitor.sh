# ip monitor: the events of common commands
# area: link
# frames: no — the events are those of the command alone
ns a b
unset -f ip # what is watched is the command alone
mon() {
    printf '$ ip -n a monitor %s &\n' "$*"
    exec ip -n a monitor "$@" >mon.out 2>&1 &
    M=$!
    sleep 0.3
}
endmon() {
    sleep 1.3
    kill $M
    wait $M 2>/dev/null
    echo '--- monitor'
    cat mon.out
}
mon
t ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
t ip -n a addr add 10.0.0.1/24 dev v0
t ip -n a link set v0 up
sleep 1.2
t ip -n b link set v1 up
endmon
mon route
t ip -n a route add default via 10.0.0.9
t ip -n a route replace default via 10.0.0.8
t ip -n a route del default
t ip -n a addr del 10.0.0.1/24 dev v0
t ip -n a addr add 10.0.0.1/24 dev v0
endmon
ip -n b addr add 10.0.0.2/24 dev v1
mon neigh
t ip netns exec a ping -c 1 10.0.0.2
t ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
t ip -n a neigh change 10.0.0.5 lladdr 02:00:00:00:00:06 dev v0 nud stale
t ip -n a neigh del 10.0.0.5 dev v0
t ip -n a neigh flush all
endmon
mon rule
t ip -n a rule add fwmark 5 table 100
t ip -n a rule del fwmark 5 table 100
endmon
mon link
t ip -n a link set v0 mtu 1400
t ip -n a link set v0 down
t ip -n a link del v0
endmon
