# Prelude of every oracle script, in both worlds (run.sh).
export LC_ALL=C TZ=UTC COLUMNS=200
ip link set lo up

# t CMD...: print "$ CMD", run it, print "[exit N]" when it fails.
# The words are joined by blanks and evaluated, so quote pipes as one word.
t() {
    printf '$ %s\n' "$*"
    eval "$*"
    local r=$?
    [ $r -eq 0 ] || printf '[exit %d]\n' $r
    return 0
}

# ip: as the command; a device that comes up has its offloads turned off, so
# that checksums and segments are those of a wire, and is recorded.
ip() {
    case " $* " in
        *" netns del"*) frames_stop "${!#}" ;;
    esac
    command ip "$@" || return
    case " $* " in
        *" set "*" up "*) came_up "$@" ;;
    esac
    return 0
}

# came_up WORDS: the words of an `ip [-n NS] link set DEV ... up`.
came_up() {
    local n='' d=''
    while [ $# -gt 0 ]; do
        case $1 in
            -n | -netns) n=$2; shift ;;
            netns) n=$3; shift 3 ;; # netns exec NS ip
            set | s) d=$2; [ "$d" = dev ] && d=$3; break ;;
        esac
        shift
    done
    [ -n "$d" ] || return 0
    offloads_off "$n" "$d"
    frames_start "$n" "$d"
    frames_wait
}

# in_ns NS CMD...: CMD in a namespace; NS '' is where we are.
in_ns() {
    local n=$1
    shift
    if [ -n "$n" ]; then command ip netns exec "$n" "$@"; else "$@"; fi
}

# With FRAMES=DIRECTORY every device that comes up is recorded there, as
# NS.DEV.COUNT.pcap; what tcpdump says of it is in NS.DEV.COUNT.log.
FILES=${BASH_SOURCE[0]%/*}/files # captures that scripts read
FRAMES_WAITED=()
frames_start() {
    [ -n "$FRAMES" ] || return 0
    local n=${1:-.} d=$2 i=1 f x
    x=$(command ip ${1:+-n "$1"} -o link show dev "$d") && x=${x%%:*}
    while f=$FRAMES/$n.$d.$i; [ -e "$f.pid" ]; do
        if kill -0 "$(cat "$f.pid")" 2>/dev/null; then
            [ "$x" = "$(cat "$f.index")" ] && return # down and up again
            # The device was deleted, and made again before tcpdump noticed.
            frames_stop "$n" "$d.$i"
        fi
        i=$((i + 1))
    done
    echo "$x" >"$f.index"
    : >"$f.log"
    # not a job of this shell, which may `wait` for all of its jobs
    (
        exec >"$f.log" 2>&1
        set -- tcpdump -p --immediate-mode -B 4096 -s 4096 -U -i "$d" -w "$f.pcap"
        [ "$n" = . ] || set -- ip netns exec "$n" "$@"
        exec "$@" &
        echo $! >"$f.pid"
    )
    FRAMES_WAITED+=("$f")
}
frames_wait() {
    local f i
    for f in "${FRAMES_WAITED[@]}"; do
        for i in {1..200}; do
            grep -q 'listening on' "$f.log" && break
            kill -0 "$(cat "$f.pid")" 2>/dev/null || break
            sleep 0.01
        done
    done
    FRAMES_WAITED=()
}

# frames_stop NS [DEV.COUNT]: a namespace lives as long as a process is in it.
# frames_end: the last frames are there, and every capture ends.
frames_stop() {
    [ -n "$FRAMES" ] || return 0
    local f i
    for f in "$FRAMES"/${1:-*}.${2:-*}.pid; do
        [ -e "$f" ] && kill -INT "$(cat "$f")" 2>/dev/null || continue
        for i in {1..200}; do
            kill -0 "$(cat "$f")" 2>/dev/null || break
            sleep 0.01
        done
    done
}
frames_end() {
    [ -n "$FRAMES" ] || return 0
    sleep 0.15
    frames_stop
}

# say TEXT: a comment in the output.
say() { printf '# %s\n' "$*"; }

# ns NAME...: network namespaces: no IPv6, lo up, fixed defaults.
ns() {
    local n
    for n in "$@"; do
        ip netns add "$n"
        command ip netns exec "$n" sysctl -qw \
            net.ipv6.conf.all.disable_ipv6=1 \
            net.ipv6.conf.default.disable_ipv6=1 \
            net.ipv4.conf.all.rp_filter=0 \
            net.ipv4.conf.default.rp_filter=0 \
            net.ipv4.conf.all.promote_secondaries=0 \
            net.ipv4.conf.default.promote_secondaries=0
        # A bridge does not ask iptables: else it cuts packets anew that are too long for a port.
        [ -e /proc/sys/net/bridge ] && command ip netns exec "$n" sysctl -qw \
            net.bridge.bridge-nf-call-iptables=0 2>/dev/null
        ip -n "$n" link set lo up
    done
}

# offloads_off NS DEV...: no checksum, segmentation or receive offload. The
# simulator has none, and no ethtool.
ETHTOOL=$(type -P ethtool)
offloads_off() {
    local n=$1 d
    shift
    [ -n "$ETHTOOL" ] || return 0
    for d in "$@"; do
        in_ns "$n" ethtool -K "$d" tx off rx off tso off gso off gro off sg off \
            >/dev/null 2>&1
    done
    return 0
}

# pair NS1 DEV1 MAC1 NS2 DEV2 MAC2: a veth, both ends up, offloads off.
pair() {
    ip link add "$2" netns "$1" address "$3" type veth \
        peer name "$5" netns "$4" address "$6"
    command ip -n "$1" link set "$2" up
    command ip -n "$4" link set "$5" up
    offloads_off "$1" "$2"
    offloads_off "$4" "$5"
    frames_start "$1" "$2"
    frames_start "$4" "$5"
    frames_wait
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
