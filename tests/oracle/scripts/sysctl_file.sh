# sysctl -p: settings from a file and from several; lines that say nothing, wildcards
# area: sysctl
ns a b
ip link add v0 netns a type veth peer name v1 netns b
s() { t ip netns exec a sysctl "$@"; }
printf '%s\n' '# a comment' '; another' '' 'net.ipv4.ip_forward = 1' '  net/ipv4/conf/v0/rp_filter=2  ' \
    'net.ipv4.conf.all.proxy_arp=	1 ' 'net.ipv4.icmp_ratelimit = 0' >good
printf '%s\n' 'nonsense' 'net.ipv4.nosuch = 1' '-net.ipv4.nosuch = 1' 'net.ipv4.ip_forward = x' '-net.ipv4.ip_forward = x' \
    '= 5' 'net.ipv4.ip_forward =' 'net.ipv4.conf.v0.rp_filter = 1 # no comment' 'net.ipv4.ip_forward = 0' '-' '-net.ipv4.ip_forward' >bad
printf 'net.ipv4.ip_default_ttl = 63' >open
printf '%s\n' 'net.ipv4.conf.*.rp_filter = 1' 'net/ipv4/conf/[dv]*/proxy_arp = 1' '-net.ipv4.conf.?0.arp_ignore = 2' >many
s -p good
s net.ipv4.ip_forward net.ipv4.conf.v0.rp_filter net.ipv4.conf.all.proxy_arp net.ipv4.icmp_ratelimit
s -p bad
s net.ipv4.ip_forward net.ipv4.conf.v0.rp_filter
s -q -p good
s -n -p good
s -N -p good
s -p good open
s -f good
s -p many
s -w 'net.ipv4.conf.*.rp_filter=0'
s -pgood
s --load=good
s -e -p bad
s -p nosuch
s -p nosuch good
s -p nosuch -q
s -p /
s --dry-run -p open
s -w -p open
s net.ipv4.ip_default_ttl
for l in '-net.ipv4.nosuch = 1' '-net.ipv4.ip_forward = x' '= 5' '=' '-' a '' '#' 'net.ipv4.ip_forward = 1 x' \
    'net.ipv4.ip_forward = 1x' 'net.ipv4.ip_local_port_range = 1000 2000 x' 'net.ipv4.ip_local_port_range = 1000' \
    'net.ipv4.conf = 1'; do
    printf '%s\n' "$l" >in
    say "$l"
    s -p in
done
s -w 'net.ipv4.ip_forward=0 and more'
s -w =
s -w =5
