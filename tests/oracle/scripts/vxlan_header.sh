# the outer header: TTL, TOS, ECN, DF, checksum by the options of the device, and ip_default_ttl (F82, F83, F84, F85)
# area: tunnel
ns a b
pair a e0 02:00:00:00:00:0a b e0 02:00:00:00:00:0b
for n in a/1 b/2; do ip -n ${n%/*} addr add 10.0.0.${n#*/}/24 dev e0; done
make() { # OPTIONS
    for n in a/1/2/0a/0b b/2/1/0b/0a; do
        set -- "${n%%/*}" $(echo ${n#*/} | tr / ' ') "$@"
        local o="${*:6}"
        ip -n $1 link del vx 2>/dev/null
        ip -n $1 link add vx address 66:00:00:00:00:$4 type vxlan id 7 local 10.0.0.$2 dev e0 dstport 4789 nolearning $o
        ip -n $1 link set vx up
        ip -n $1 addr add 10.9.0.$2/24 dev vx
        ip -n $1 neigh add 10.9.0.$3 lladdr 66:00:00:00:00:$5 nud permanent dev vx
        ip netns exec $1 bridge fdb add 66:00:00:00:00:$5 dev vx dst 10.0.0.$3
        shift 5
    done
}
see() { dump wire a -i e0 -n -t -v udp; }
one() { t ip netns exec a ping -c 1 -W 1 "$@" 10.9.0.2; }
say by default
make
t ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b nud permanent dev e0
t ip -n b neigh replace 10.0.0.1 lladdr 02:00:00:00:00:0a nud permanent dev e0
see
for q in 0 1 2 3 0x10 0xb8 0xb9 0xfc 0xff; do one -Q $q; done
one -t 5
one -M do
one -M dont
enddump
sys a net.ipv4.ip_default_ttl=77
see
one
enddump
sys a net.ipv4.ip_default_ttl=64
for o in "ttl inherit" "ttl 9" "tos inherit" "tos 0x10" "df set" "df inherit" "df unset" noudpcsum; do
    say $o
    make $o
    see
    one -Q 0xb9 -t 33
    one -Q 0x02 -M dont
    enddump
done
