# ip monitor neigh: neighbours over time, by hand and with their device
# area: neighbour
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
endmon() {
    sleep 0.5
    kill $M
    wait $M 2>/dev/null
    cat mon.out
}
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
# Without a delay an entry is STALE as soon as it is no longer REACHABLE, and is
# asked after as soon as it is used again: no timer decides which comes first.
sys a net.ipv4.neigh.v0.base_reachable_time_ms=200 net.ipv4.neigh.v0.delay_first_probe_time=0 net.ipv4.neigh.v0.retrans_time_ms=200
sleep 1.3
mon -n a monitor neigh
ping_a() { m ip netns exec a ping -q -c 1 -W 0.1 $1 >/dev/null; sleep 1.5; }
ping_a 10.0.0.2
ping_a 10.0.0.2
m ip -n b addr del 10.0.0.2/24 dev v1
ping_a 10.0.0.2
ping_a 10.0.0.7
m ip -n a neigh del 10.0.0.7 dev v0
m ip -n a neigh del 10.0.0.2 dev v0
m ip -n a neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev v0
m ip -n a neigh change 10.0.0.5 lladdr 02:00:00:00:00:06 dev v0
m ip -n a neigh change 10.0.0.5 lladdr 02:00:00:00:00:06 dev v0
m ip -n a neigh replace 10.0.0.5 lladdr 02:00:00:00:00:06 dev v0 nud stale
m ip -n a neigh replace 10.0.0.5 dev v0 nud failed
m ip -n a neigh replace 10.0.0.5 dev v0 nud failed
m ip -n a neigh del 10.0.0.5 dev v0
m ip -n a neigh add 10.0.0.4 lladdr 02:00:00:00:00:04 dev v0 nud noarp
m ip -n a neigh flush dev v0 nud noarp
m ip -n a neigh add 10.0.0.3 dev v0 nud incomplete
sleep 2
m ip -n a neigh del 10.0.0.3 dev v0
m ip -n b addr add 10.0.0.2/24 dev v1
m ip netns exec b ping -q -c 1 10.0.0.1 >/dev/null
sleep 1.5
m ip -n a neigh add proxy 10.0.0.9 dev v0
c ip -n b link set v1 address 02:00:00:00:00:1b
m ip netns exec b arping -q -c 1 -U -I v1 10.0.0.2
ping_a 10.0.0.2
c ip -n b link set v1 down
c ip -n b link set v1 up
ping_a 10.0.0.2
m ip -n a link set v0 address 02:00:00:00:00:1a
ping_a 10.0.0.2
m ip -n a link set v0 arp off
m ip -n a neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev v0
m ip -n a addr del 10.0.0.1/24 dev v0
m ip -n a neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev v0
m ip -n a link set v0 down
endmon
