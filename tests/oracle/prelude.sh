# Prelude of every oracle script. Put before the script by real.py; the
# simulator gives the same functions to its own shell.
export LC_ALL=C TZ=UTC COLUMNS=200

# t CMD...: print "$ CMD", run it, print "[exit N]" when it fails.
# The words are joined by blanks and evaluated, so quote pipes as one word.
t() {
    printf '$ %s\n' "$*"
    eval "$*"
    local r=$?
    [ $r -eq 0 ] || printf '[exit %d]\n' $r
    return 0
}

# say TEXT: a comment in the output.
say() { printf '# %s\n' "$*"; }

# ns NAME...: network namespaces: no IPv6, lo up, fixed IPv4 defaults.
ns() {
    local n
    for n in "$@"; do
        ip netns add "$n"
        ip netns exec "$n" sysctl -qw \
            net.ipv6.conf.all.disable_ipv6=1 \
            net.ipv6.conf.default.disable_ipv6=1 \
            net.ipv4.conf.all.rp_filter=0 \
            net.ipv4.conf.default.rp_filter=0 \
            net.ipv4.conf.all.promote_secondaries=0 \
            net.ipv4.conf.default.promote_secondaries=0
        ip -n "$n" link set lo up
    done
}

# offloads_off NS DEV...: no checksum, segmentation or receive offload.
offloads_off() {
    local n=$1 d
    shift
    for d in "$@"; do
        ip netns exec "$n" ethtool -K "$d" tx off rx off tso off gso off \
            gro off sg off >/dev/null 2>&1
    done
    return 0
}

# pair NS1 DEV1 MAC1 NS2 DEV2 MAC2: a veth, both ends up, offloads off.
pair() {
    ip link add "$2" netns "$1" address "$3" type veth \
        peer name "$5" netns "$4" address "$6"
    ip -n "$1" link set "$2" up
    ip -n "$4" link set "$5" up
    offloads_off "$1" "$2"
    offloads_off "$4" "$5"
}

# sys NS KEY=VALUE...: silent sysctl in a namespace.
sys() {
    local n=$1
    shift
    ip netns exec "$n" sysctl -qw "$@"
}

# dump LABEL NS ARGS...: start tcpdump in the background (line buffered).
# enddump: stop all of them, print what each printed, in order.
DUMPOPT='--immediate-mode -B 16384'  # no delay, no loss; not printed
DUMPS=()
dump() {
    local l=$1 n=$2 i
    shift 2
    printf '$ ip netns exec %s tcpdump -l %s &   # %s\n' \
        "$n" "$*" "$l"
    : >"dump.$l"
    eval "exec ip netns exec $n tcpdump $DUMPOPT -l $*" >"dump.$l" 2>&1 &
    DUMPS+=("$l:$!")
    for i in {1..100}; do
        grep -q 'listening on' "dump.$l" && break
        kill -0 $! 2>/dev/null || break
        sleep 0.02
    done
}
enddump() {
    local d
    sleep "${1:-0.15}"
    for d in "${DUMPS[@]}"; do kill -INT "${d#*:}" 2>/dev/null; done
    for d in "${DUMPS[@]}"; do wait "${d#*:}" 2>/dev/null; done
    for d in "${DUMPS[@]}"; do
        printf -- '--- %s\n' "${d%%:*}"
        cat "dump.${d%%:*}"
    done
    DUMPS=()
}
