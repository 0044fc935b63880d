# curl: connections that fail, names, local ends, command lines
# area: tools
# frames: no — what retransmits depends on how long curl runs
ns a r b
pair a v0 02:00:00:00:00:0a r r0 02:00:00:00:00:1a
pair r r1 02:00:00:00:00:1b b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n r addr add 10.0.0.254/24 dev r0
ip -n r addr add 10.1.0.254/24 dev r1
ip -n b addr add 10.1.0.2/24 dev v1
ip -n a route add default via 10.0.0.254
ip -n b route add default via 10.1.0.254
sys r net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
ip -n r route add unreachable 10.6.0.0/16
ip -n r route add prohibit 10.7.0.0/16
ip -n a route add unreachable 10.16.0.0/16
ip -n a route add prohibit 10.17.0.0/16
ip -n a route add blackhole 10.18.0.0/16
# The milliseconds of a busy machine are left out.
c() { t "ip netns exec a curl -q $* 2>&1 | sed -E 's/after [0-9]+ ms/after N ms/; s/([0-9]+) millis/N millis/'"; }
for d in 10.1.0.2 10.1.0.254 10.6.0.1 10.7.0.1 10.16.0.1 10.17.0.1 10.18.0.1 10.0.0.1:81 127.0.0.1; do
    c -sSv $d
    t "ip netns exec a curl -s $d"
done
c -sS --connect-timeout 1 10.0.0.9
c -sSv --connect-timeout 1 -4 10.0.0.8
c -sSv -m 1 10.0.0.7
c -v 10.1.0.2
c 10.1.0.2
say local ends
c -sSv --interface 10.0.0.1 10.1.0.2
c -sSv --interface 10.0.0.1 --local-port 5000 10.1.0.2
c -sSv --local-port 5001-5003 10.1.0.2
c -sSv --interface v0 10.1.0.2
c -sSv --interface 'host!10.0.0.1' 10.1.0.2
c -sS --interface 9.9.9.9 10.1.0.2
c -sS --interface 'if!nix' 10.1.0.2
say names and URLs
c -sSv --resolve web:80:10.1.0.2 http://web/
c -sSv --resolve web:81:10.1.0.2 http://web:81/x
c -sS foo://10.1.0.2
c -sS http://10.1.0.2:99999/
c -sS http:///
c -sSv 10.258
c -sSv 0x0a.1.2
say several, and what -w says
c -sS 10.1.0.2 10.1.0.2:81
w='%{http_code} %{exitcode} %{errormsg} %{num_connects} %{num_headers} %{size_request} %{size_header} %{size_download} %{url} %{urlnum} %{remote_ip}|%{local_ip}|%{local_port} %{method} %{scheme}|%{http_version} %{time_total_} %{speed_download} %% %x %{'
c -s -w "'$w\\n'" 10.1.0.2
c -s -w "'%{onerror}%{errormsg}%{stderr} to stderr\\t%{http_connect}\\n'" 10.1.0.2
say wrong use
t ip netns exec a curl
t ip netns exec a curl --foo
t ip netns exec a curl --max
t ip netns exec a curl --no-max-time 3 a
t ip netns exec a curl -sm
t ip netns exec a curl -m x a
t ip netns exec a curl -m -1 a
t ip netns exec a curl --local-port x a
