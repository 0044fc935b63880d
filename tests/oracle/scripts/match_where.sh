# where matches may stand, from which hooks a chain may be reached, and how deep chains may lead
# area: netfilter
for i in iptables-nft iptables-legacy; do
for n in 14 15 16 17 20; do
  $i -F; $i -X
  { echo "*filter"; for k in $(seq 1 $n); do echo ":C$k - [0:0]"; done
  for k in $(seq 1 $((n-1))); do echo "-A C$k -j C$((k+1))"; done; echo "-A INPUT -j C1"; echo COMMIT; } | $i-restore; echo "$i $n $?"
done
$i -F; $i -X; $i -N A; $i -N B; $i -A A -j B; $i -A B -j A; echo "loop unreferenced $?"; $i -A INPUT -j A; echo "loop $?"
$i -F; $i -X; $i -N A; $i -A A -j A; echo "self $?"
$i -F; $i -X; $i -N A;$i -A INPUT -g A; $i -A A -m mac --mac-source 00:00:00:00:00:01; echo "mac in A from INPUT $?"; $i -A OUTPUT -j A; echo "jump from OUTPUT $?"
$i -F; $i -X; $i -N A;$i -A A -m addrtype --dst-type LOCAL --limit-iface-in;  echo "addrtype in A $?"; $i -A OUTPUT -j A; echo "addrtype: jump from OUTPUT $?"
$i -F; $i -X; $i -N A;$i -A A -m rpfilter; echo "rpfilter unreferenced in filter $?"
$i -F; $i -X; $i -t mangle -N R;$i -t mangle -A R -m rpfilter; echo "rpfilter unreferenced in mangle $?";  $i -t mangle -A PREROUTING -j R; echo "PRE $?";  $i -t mangle -A INPUT -j R; echo "IN $?"
done
