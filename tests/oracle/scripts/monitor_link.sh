# ip monitor link: what is told of devices
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
c ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
c ip -n b link set v1 up
c ip -n a link set v0 up
m ip -n a link set v0 up
c ip -n b link set v1 down
c ip -n b link set v1 up
m ip -n a link set v0 mtu 1400
m ip -n a link set v0 mtu 1400
m ip -n a link set v0 address 02:00:00:00:00:0c
m ip -n a link set v0 broadcast 02:ff:ff:ff:ff:ff
m ip -n a link set v0 txqueuelen 7
m ip -n a link set v0 txqueuelen 7
m ip -n a link set v0 alias foo
m ip -n a link set v0 group 5
m ip -n a link set v0 arp off
m ip -n a link set v0 arp on multicast off
m ip -n a link set v0 promisc on
m ip -n a link set v0 allmulticast on promisc off
m ip -n a link set v0 mtu 1401 txqueuelen 6 alias bar group 8 promisc on
c ip -n a link set v0 down mtu 1402 arp off multicast on
m ip -n a link set v0 alias told-of-no-device-that-is-down
c ip -n a link set v0 name w0
m ip -n a link set w0 name w0
c ip -n a link set w0 up arp on
c ip -n b link del v1
endmon
