# ip monitor netconf: the switches that are told
# area: sysctl
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
mon -n a monitor netconf
m ip link add v0 netns a type veth peer name v1 netns b
for s in ip_forward=1 conf.v0.forwarding=0 ip_forward=1 ip_forward=2 ip_forward=0 conf.all.forwarding=1 \
    conf.default.forwarding=0 conf.default.forwarding=0 conf.default.rp_filter=1 conf.v0.rp_filter=2 \
    conf.v0.rp_filter=3 conf.all.rp_filter=1 conf.v0.proxy_arp=1 conf.v0.proxy_arp=1 conf.v0.proxy_arp=0 \
    conf.all.proxy_arp=1 conf.v0.ignore_routes_with_linkdown=1 conf.v0.arp_ignore=1; do
    m ip netns exec a sysctl -qw net.ipv4.$s
done
for s in all.forwarding=1 v0.forwarding=2 v0.forwarding=0 all.forwarding=1 all.forwarding=0 default.forwarding=1 \
    v0.proxy_ndp=1 v0.proxy_ndp=1 all.proxy_ndp=1; do
    m ip netns exec a sysctl -qw net.ipv6.conf.$s
done
m ip link add v2 netns a type veth peer name v3 netns b
m ip -n a link set v2 name w2
m ip -n a link set w2 netns b
m ip -n b link set w2 netns a
m ip -n a link del v0
endmon
