# what iptables says and prints of the matches addrtype, physdev, rpfilter, socket, owner and set
# area: netfilter
ipset create S hash:ip counters
ipset create S6 hash:ip family inet6
rules() {
    for i in iptables-nft iptables-legacy; do
        while read -r rule; do t "$i -t $1 -A $2 $rule"; done <rules
        t $i -t $1 -S $2
        t $i -t $1 -vL $2
        t $i -t $1 -vnL $2
        $i -t $1 -F
    done
}
cat >rules <<'END'
-m addrtype --dst-type LOCAL
-m addrtype ! --src-type loc,UNI --dst-type BROADCAST,MULTICAST
-m addrtype --dst-type UN
-m addrtype --dst-type U
-m addrtype --dst-type foo
-m addrtype --dst-type LOCAL,foo
-m addrtype --dst-type foo,LOCAL
-m addrtype --dst-type LOCAL,
-m addrtype --limit-iface-in
-m addrtype --dst-type LOCAL --limit-iface-in --limit-iface-out
-m addrtype --dst-type LOCAL --limit-iface-in
-m addrtype --dst-type LOCAL --limit-iface-out
-m physdev --physdev-in eth0
-m physdev ! --physdev-in eth+ --physdev-is-bridged
-m physdev --physdev-out eth0
-m physdev
-m physdev --physdev-in abcdefghijklmnop
-m physdev --physdev-in ""
-m physdev --physdev-in +
-m physdev --physdev-in e/0
-m rpfilter
-m socket
-m owner --uid-owner 0
-m set --match-set nosuch src
-m set --match-set S src
-m set ! --match-set S src,dst
-m set --match-set S src,dst,src,dst,src,dst
-m set --match-set S src,dst,src,dst,src,dst,src
-m set --match-set S foo
-m set --match-set S srcx
-m set --match-set S
-m set --match-set S src --match-set S dst
-m set --set S src
-m set --match-set S src --return-nomatch ! --update-counters ! --update-subcounters --packets-gt 5 ! --bytes-eq 7
-m set --match-set S src --packets-eq 5 --packets-lt 6
-m set --match-set S src ! --packets-lt 6
-m set --match-set S src --packets-eq x
-m set --match-set S src ! --return-nomatch
-m set --match-set S src --update-counters
-m set --match-set S6 src
-m set --match-set abcdefghijklmnopqrstuvwxyzabcdefgh src
-m set
END
rules filter INPUT
cat >rules <<'END'
-m addrtype --dst-type LOCAL --limit-iface-out
-m physdev --physdev-out eth0 ! --physdev-is-in ! --physdev-is-out
-m socket
END
rules filter FORWARD
cat >rules <<'END'
-m addrtype --dst-type LOCAL --limit-iface-in
-m addrtype --src-type UNSPEC,UNICAST,LOCAL,BROADCAST,ANYCAST,MULTICAST,BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT,XRESOLVE --limit-iface-out
-m physdev --physdev-out eth0
-m physdev --physdev-out eth0 --physdev-is-bridged
-m physdev --physdev-is-out
-m owner --uid-owner 0
-m owner --uid-owner root --gid-owner root
-m owner ! --uid-owner 5-10 ! --gid-owner 1000:2000
-m owner --uid-owner 10-5
-m owner --socket-exists
-m owner ! --socket-exists
-m owner --uid-owner foo
-m owner --uid-owner 4294967295
-m owner --uid-owner www-data --gid-owner nogroup
-m owner --uid-owner nobody
-m owner --suppl-groups
-m owner --uid-owner 5-
-m owner
END
rules filter OUTPUT
cat >rules <<'END'
-m physdev --physdev-out eth0
-m rpfilter --invert
-m socket --transparent --nowildcard --restore-skmark
-m socket
END
rules mangle PREROUTING
cat >rules <<'END'
-m rpfilter
-m rpfilter --loose --validmark --accept-local --invert
-m rpfilter ! --loose
END
rules raw PREROUTING
cat >rules <<'END'
-m rpfilter --invert
END
rules nat PREROUTING
cat >rules <<'END'
-m rpfilter
END
rules raw OUTPUT
