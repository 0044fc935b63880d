# ip monitor link: two ends in one namespace, new devices that are up, a bridge, lo
# area: link
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
mon -n a monitor link
c ip -n a link add x0 address 02:00:00:00:00:0a type veth peer name x1 address 02:00:00:00:00:0b
c ip -n a link set x0 up
c ip -n a link set x1 up
c ip -n a link set x0 down
c ip -n a link set x0 up
c ip -n a link del x1
c ip link add z0 netns a address 02:00:00:00:01:0a mtu 1300 txqueuelen 5 alias zz group 3 broadcast 02:ff:ff:ff:ff:ff type veth peer name z1 netns b mtu 1200 address 02:00:00:00:01:0b
c ip link add z2 netns a address 02:00:00:00:02:0a arp off type veth peer name z3 netns b
c ip link add z4 up netns a address 02:00:00:00:03:0a type veth peer name z5 netns b
c ip -n a link add br0 address 02:00:00:00:04:0a type bridge
c ip -n a link set br0 up
c ip -n a link del br0
c ip -n a link add br1 up address 02:00:00:00:05:0a type bridge
m ip -n a link set lo down
m ip -n a link set lo up
m ip -n a link set lo mtu 9000
endmon
