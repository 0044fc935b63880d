# ip monitor route rule: routes of all kinds, rules
# area: route
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
sleep 1.3
mon -n a monitor route rule label
m ip -n a route add default via 10.0.0.9
m ip -n a route add default via 10.0.0.9
m ip -n a route replace default via 10.0.0.9
m ip -n a route replace default via 10.0.0.8
m ip -n a route append default via 10.0.0.9
m ip -n a route append default via 10.0.0.9 metric 5
m ip -n a route prepend default via 10.0.0.7 metric 5
m ip -n a route change default via 10.0.0.6 metric 5
m ip -n a route change 10.9.0.0/16 via 10.0.0.6
m ip -n a route del default
m ip -n a route add blackhole 10.9.0.0/16
m ip -n a route add unreachable 10.10.0.0/16 metric 3
m ip -n a route add prohibit 10.11.0.0/16 table 9
m ip -n a route add local 10.12.0.0/16 dev lo
m ip -n a route add 10.8.0.0/16 table 77 nexthop via 10.0.0.9 nexthop via 10.0.0.8 weight 3
m ip -n a route add 10.13.0.0/16 dev v0 scope link mtu 1300 src 10.0.0.1 proto static tos 0x10
m ip -n a route add 10.14.0.1 via 10.14.0.2 dev v0 onlink
m ip -n a route del 10.8.0.0/16 table 77
m ip -n a route flush table 9
m ip -n a route flush 10.13.0.0/16
m ip -n a rule add fwmark 5 table 77
m ip -n a rule add from 10.0.0.0/8 iif v0 prio 30 prohibit
m ip -n a rule add not to 10.0.0.0/8 oif nosuch prio 40 goto 50
m ip -n a rule del fwmark 5
m ip -n a rule flush
m ip -n a rule add lookup main prio 100
c ip -n a link set v0 down
m ip -n a route
endmon
