# ip monitor: options, and what it refuses
# area: tools
# frames: no — the events are those of the command alone
ns a b
unset -f ip # what is watched is the command alone
# mon ARGS: ip monitor in a, in the background; m CMD: the command is written
# down among the messages; c CMD: and its change of carrier has time.
mon() {
    exec ip "$@" >>mon.out 2>&1 &
    M=$!
    sleep 0.3
}
m() {
    printf '$ %s\n' "$*" >>mon.out
    "$@"
    sleep 0.2
}
c() { m "$@"; sleep 1.3; }
t ip monitor nosuch
t ip monitor dev nosuch
t ip monitor dev
ip link add v0 netns a address 02:00:00:00:00:0a alias foo type veth peer name v1 netns b address 02:00:00:00:00:0b
sleep 1.3
run() {
    printf '# ip -n a %s\n' "$*" >>mon.out
    mon -n a "$@"
    m ip -n a link set v0 mtu 1400
    m ip -n a link set v0 mtu 1500
    m ip -n a addr add 10.0.0.1/24 dev v0
    m ip -n a addr add 10.0.0.1/32 dev lo
    m ip -n a rule add from 10.0.0.1 prio 5
    m ip -n a rule del prio 5
    m ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
    m ip -n a route add blackhole 10.9.0.0/16
    m ip -n a route del blackhole 10.9.0.0/16
    m ip -n a neigh del 10.0.0.2 dev v0
    m ip netns exec a sysctl -qw net.ipv4.ip_forward=1
    m ip netns exec a sysctl -qw net.ipv4.ip_forward=0
    m ip -n a addr del 10.0.0.1/32 dev lo
    m ip -n a addr flush dev v0
    sleep 0.3
    kill $M
    wait $M 2>/dev/null
}
run -o monitor all
run -d monitor
run -br monitor
run -4 -N monitor label rule route
run -c monitor
run monitor dev v0
run monitor all dev lo
run -j monitor link neigh mroute
cat mon.out
