# owner and socket: packets of processes, answers of the kernel, errors about packets of a socket
# area: netfilter
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev v1
for i in iptables-nft iptables-legacy; do
    for n in a b; do
        I="ip netns exec $n $i"
        for c in OUTPUT POSTROUTING; do
            for m in --socket-exists '! --socket-exists' '--uid-owner 0' '! --uid-owner 0' '--gid-owner root' '--uid-owner 1-5' \
                '! --uid-owner 5 --socket-exists' '! --uid-owner 5 ! --socket-exists' '--uid-owner 0 --gid-owner 0'; do
                $I -t mangle -A $c -m owner $m
            done
        done
        $I -t mangle -A PREROUTING -m socket
        $I -t mangle -A PREROUTING -m socket --nowildcard
        $I -t mangle -A PREROUTING -m socket --transparent --nowildcard
        $I -t mangle -A PREROUTING -m socket --nowildcard --restore-skmark
        $I -t mangle -A PREROUTING -m mark ! --mark 0
        $I -t mangle -A INPUT -m socket --nowildcard
    done
    look() {
        for n in a b; do
            t "ip netns exec $n $i -t mangle -vnxL | grep 'owner\|socket\|mark'"
            ip netns exec $n $i -t mangle -Z
        done
    }
    t ip netns exec a ping -q -c 2 -i 0.1 10.0.0.2
    look
    t ip netns exec a tracepath -n 10.0.0.2
    look
    t ip netns exec a ping -q -c 1 127.0.0.1
    look
    sleep 1
    for n in a b; do ip netns exec $n $i -t mangle -F; done
done
