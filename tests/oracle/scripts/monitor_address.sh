# ip monitor address route: addresses, and the routes that follow them
# area: address
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
sleep 1.3
mon -n a monitor address route label
m ip -n a addr add 10.0.0.1/24 dev v0
m ip -n a addr add 10.0.0.2/24 brd + dev v0
m ip -n a addr add 10.0.0.3/24 dev v0
m ip -n a addr add 10.0.0.3/24 dev v0
m ip -n a addr add 10.1.0.1 peer 10.1.0.2/32 dev v0
m ip -n a addr add 10.2.0.1/32 dev lo
m ip -n a addr change 10.0.0.3/24 dev v0 metric 7
m ip -n a addr change 10.0.0.1/24 dev v0 metric 9
m ip -n a addr change 10.0.0.1/24 dev v0 valid_lft 100 preferred_lft 100
m ip -n a addr change 10.0.0.1/24 dev v0 valid_lft forever preferred_lft forever
m ip -n a route add default via 10.0.0.9 src 10.0.0.2
m ip -n a addr del 10.0.0.1/24 dev v0
sys a net.ipv4.conf.v0.promote_secondaries=1
m ip -n a addr add 10.0.0.2/24 dev v0
m ip -n a addr add 10.0.0.3/24 brd + dev v0
m ip -n a addr add 10.0.0.4/24 brd + dev v0
m ip -n a route add default via 10.0.0.9 src 10.0.0.2
m ip -n a addr del 10.0.0.2/24 dev v0
c ip -n a link set v0 down
c ip -n a link set v0 up
m ip -n a addr add 10.3.0.1/24 dev v0 label v0:foo
m ip -n a link set v0 name w0
m ip -n a addr add 10.4.0.1/24 dev w0 noprefixroute
m ip -n a addr flush dev w0
m ip -n a addr add 10.5.0.1/24 dev w0 valid_lft 2 preferred_lft 2
sleep 3
m ip -n a addr add 10.6.0.1/24 dev w0
m ip -n a addr add 10.6.0.2/24 dev w0
m ip -n b link del v1
m ip -n a link set lo down
m ip -n a link set lo up
m ip -n a addr flush dev lo
endmon
