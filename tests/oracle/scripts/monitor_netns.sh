# ip monitor: ids of namespaces, devices that move, all-nsid
# area: link
# frames: no — a capture would keep the namespace that is deleted
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
ns c
mon -n a monitor nsid link address label all-nsid
c ip link add v0 netns a address 02:00:00:00:00:0a type veth peer name v1 netns b address 02:00:00:00:00:0b
c ip -n a addr add 10.0.0.1/24 dev v0
c ip -n b addr add 10.0.0.2/24 dev v1
c ip -n a link set v0 up
c ip -n a link set v0 netns c
c ip -n c link set v0 up
c ip -n c addr add 10.0.0.1/24 dev v0
c ip -n c link set v0 netns a name w0
c ip -n b link set v1 netns a
c ip -n a link set w0 netns b
c ip netns exec a ip netns set c 7
ip netns add d
c ip netns exec a ip netns set d 9
c ip netns del d
c ip netns del b
c ip -n a link
endmon
