# matches with a memory: limit, hashlimit, recent and statistic over time, and what becomes of them when another rule is edited
# area: netfilter
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n a addr add 10.0.0.3/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev v1
ip -n b neigh add 10.0.0.3 lladdr 02:00:00:00:00:0a dev v1
burst() { ip netns exec a ping -q -c $1 -i 0.01 ${2:+-I $2} 10.0.0.2 >/dev/null; }
for i in iptables-nft iptables-legacy; do
    B="ip netns exec b $i"
    look() { t "$B -vnxL INPUT | grep -v '^Chain\|pkts'"; $B -Z; }
    say $i: limit and hashlimit
    $B -A INPUT -p icmp -m limit --limit 2/s --limit-burst 3
    $B -A INPUT -p icmp -m hashlimit --hashlimit-upto 2/s --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name one
    $B -A INPUT -p icmp -m hashlimit --hashlimit-above 2/s --hashlimit-burst 3 --hashlimit-mode dstip --hashlimit-name two
    $B -A INPUT -p icmp -m hashlimit --hashlimit-upto 6/min --hashlimit-burst 2 --hashlimit-htable-expire 1000 --hashlimit-name three
    burst 6; look
    sleep 1.2; burst 4; look
    burst 2 10.0.0.3; look
    sleep 2.6; burst 4; look
    say another rule comes
    $B -A INPUT -p udp
    burst 4; look
    $B -F
    say nth
    $B -A INPUT -p icmp -m statistic --mode nth --every 4 --packet 1
    burst 3; look
    $B -A INPUT -p udp
    burst 3; look
    $B -F
    say a list
    $B -A INPUT -p icmp -m recent --name L --rcheck --seconds 2 --hitcount 3
    $B -A INPUT -p icmp -m recent --name L --rcheck
    $B -A INPUT -p icmp -m recent --name L --set
    $B -A INPUT -p icmp -m recent --name L --update --seconds 1
    burst 4; look
    sleep 1.5; burst 1; look
    sleep 2.5; burst 1; look
    burst 1 10.0.0.3; look
    $B -A INPUT -p icmp -m recent --name L --remove --rsource
    burst 2; look
    say a list is as long as a rule names it
    $B -F
    $B -A INPUT -p icmp -m recent --name L --rcheck
    burst 1; look
    $B -F
done
