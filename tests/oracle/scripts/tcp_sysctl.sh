# switches of TCP: defaults, limits, what a range holds
# area: sysctl
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
for k in abort_on_overflow app_win backlog_ack_defer base_mss comp_sack_delay_ns comp_sack_nr dsack early_retrans ecn fastopen fin_timeout frto \
    invalid_ratelimit keepalive_intvl keepalive_probes keepalive_time min_snd_mss moderate_rcvbuf mtu_probing orphan_retries pingpong_thresh \
    recovery reordering retrans_collapse retries1 retries2 rfc1337 rmem rto_max_ms rto_min_us sack slow_start_after_idle syn_linear_timeouts \
    syn_retries synack_retries syncookies timestamps tw_reuse window_scaling wmem workaround_signed_windows; do
    t ip netns exec a sysctl net.ipv4.tcp_$k
done
t ip netns exec a cat /proc/sys/net/ipv4/tcp_wmem
t ip netns exec a sysctl net.core.somaxconn
say limits
for s in syn_retries=0 syn_retries=3 syn_retries=128 synack_retries=0 synack_retries=256 tw_reuse=1 tw_reuse=3 min_snd_mss=47 min_snd_mss=100 \
    timestamps=2 sack=256 syn_linear_timeouts=0 syn_linear_timeouts=128 retries2=8 fin_timeout=20 rto_max_ms=999 rto_max_ms=60000 early_retrans=5 \
    pingpong_thresh=0 app_win=32 keepalive_time=600 backlog_ack_defer=2 window_scaling=0; do
    t ip netns exec a sysctl -w net.ipv4.tcp_$s
done
t ip netns exec a sysctl -w net.ipv4.tcp_rmem="'4096 65536 1000000'"
t ip netns exec a sysctl -w net.ipv4.tcp_wmem="'0 1 2'"
t ip netns exec a sysctl net.ipv4.tcp_rmem net.ipv4.tcp_wmem net.ipv4.tcp_syn_retries net.ipv4.tcp_tw_reuse
say every namespace has its own
t ip netns exec b sysctl net.ipv4.tcp_rmem net.ipv4.tcp_syn_retries net.ipv4.tcp_tw_reuse
t ip netns exec a sysctl -w net.core.somaxconn=5
t ip netns exec a sysctl net.core.somaxconn
t ip netns exec b sysctl net.core.somaxconn
