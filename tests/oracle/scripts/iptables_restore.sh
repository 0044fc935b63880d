# iptables-restore: what it takes, what it refuses and in which words, what is left behind; in both variants
# area: netfilter
ns a
for r in iptables-nft iptables-legacy; do
    # res TEXT WORDS...: the text, with \n and \" in it, is restored.
    res() {
        printf '$ %s' "$r-restore"
        printf ' %s' "${@:2}" "<<" "$1"
        echo
        printf "$1" | ip netns exec a $r-restore "${@:2}"
        local e=$?
        [ $e -eq 0 ] || echo "[exit $e]"
    }
    res '*filter\nCOMMIT\n'
    res '*filter\n'
    res '*filter\nCOMMIT'
    res '*\nCOMMIT\n'
    res '*foo\nCOMMIT\n'
    res '*filter \t x\nCOMMIT\n'
    res 'foo\n'
    res '#\n-A INPUT\n'
    res '\n#c\n*filter\n:INPUT ACCEPT\n:FOO - [0:0]\n-A INPUT -j FOO\nCOMMIT\n'
    res '*filter\n:INPUT\nCOMMIT\n'
    res '*filter\n:\nCOMMIT\n'
    res '*filter\n:INPUT FOO\nCOMMIT\n'
    res '*filter\n:FOO ACCEPT\nCOMMIT\n'
    res '*filter\n:FOO ACCEPT [1:2]\nCOMMIT\n' -c
    res '*filter\n:INPUT -\n:OUTPUT - [0:0]\nCOMMIT\n'
    res '*filter\n:MARK -\nCOMMIT\n'
    res '*filter\n:ACCEPT -\nCOMMIT\n'
    res '*filter\n:INPUT ACCEPT\nCOMMIT\n' -c
    res '*filter\n:INPUT ACCEPT [x:y]\nCOMMIT\n' -c
    res '*filter\n:FOO - [0:0]\n:FOO - [0:0]\nCOMMIT\n'
    res '*filter\n:FOO - [0:0]\n-N FOO\nCOMMIT\n'
    res '*filter\n-A NOPE -j ACCEPT\n-A INPUT --foo\nCOMMIT\n'
    res '*filter\n-A NOPE -j ACCEPT\n-A INPUT -j ACCEPT\nCOMMIT\n'
    res '*filter\n-A INPUT -j NOPE\nCOMMIT\n'
    res '*filter\n-A INPUT -j ACCEPT foo\nCOMMIT\n'
    res '*filter\n-A INPUT -t nat -j ACCEPT\nCOMMIT\n'
    res '*filter\n-w -A INPUT -j ACCEPT\nCOMMIT\n'
    res '*filter\n-6 -A INPUT -j ACCEPT\n-4 -A INPUT -j DROP\nCOMMIT\n'
    res '*filter\n-A INPUT -j ACCEPT\n-D INPUT 7\nCOMMIT\n'
    res '*filter\n:A - \n:B -\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT\n'
    res '*filter\n:A -\n:B -\n-A A -j B\n-X A\n-X B\nCOMMIT\n'
    res '*filter\n-A INPUT -j OUTPUT\nCOMMIT\n'
    res '*filter\n-A INPUT -m comment --comment "a b"c -j ACCEPT\nCOMMIT\n'
    res '*filter\n-A INPUT -m comment --comment "a \\"b\\" \\\\ c" -j ACCEPT\n-A INPUT -m comment --comment \x27x y\x27\nCOMMIT\n'
    res '*filter\n-A INPUT -m comment --comment x"y z -j ACCEPT\nCOMMIT\n'
    res '*filter\n[1:2] -A INPUT -j ACCEPT\n[1:2]-A INPUT -j DROP\n[5 -A INPUT\nCOMMIT\n' -c
    res '*filter\n[1:2] -A INPUT -j ACCEPT\n[3:4]-A INPUT -j DROP\nCOMMIT\n' -c
    res '*filter\n[12] -A INPUT -j ACCEPT\nCOMMIT\n' -c
    res '*filter\n[1:2] -A INPUT -j ACCEPT\nCOMMIT\n'
    res '*filter\n-F\n-X\n-N FOO\n-E FOO BAR\n-A BAR\nCOMMIT\n' -n
    res '*filter\n:BAR - [0:0]\n-A BAR -s 1.2.3.4\n:INPUT ACCEPT\n-A INPUT -j BAR\nCOMMIT\n' -n
    res '*filter\n-A NEW -s 1.2.3.4\nCOMMIT\n' -n
    res '*filter\nCOMMIT\n' --test
    res '*filter\n-A INPUT -j FOO\nCOMMIT\n' --test
    res '*filter\n-A NOPE -j ACCEPT\nCOMMIT\n' --test
    res '#hi\n*filter\n:FOO -\n-A INPUT -j FOO -s 1.2.3.4\nCOMMIT\n' -v
    res '#hi\n*filter\n:FOO -\n-A INPUT -j FOO -s 1.2.3.4\n-F FOO\nCOMMIT\n' -v -n
    res '#hi\n*filter\n:FOO2 -\n-A INPUT -j FOO2 -s 1.2.3.4\nCOMMIT\n*nat\n:PREROUTING ACCEPT\nCOMMIT\n' -T nat
    res '*filter\n-A INPUT -s 9.9.9.9\nCOMMIT\n*nat\n-A FOO\nCOMMIT\n'
    res '*nat\n-A POSTROUTING -j DROP\nCOMMIT\n'
    res '*nat\n:PREROUTING DROP\nCOMMIT\n'
    res '*filter\n*nat\nCOMMIT\n'
    res '*filter\n-A INPUT -p tcp --dport\nCOMMIT\n'
    res '*filter\n-A INPUT -m foo\nCOMMIT\n'
    res '*filter\n-V\nCOMMIT\n'
    res '*filter\n -A INPUT\t-s  8.8.8.8 \n\t\n  \nCOMMIT\n'
    res '*filter\nCOMMIT \n'
    res '*filter\n-A INPUT ! -s 0/0\n-A INPUT -j OUTPUT\n-A INPUT -j ACCEPT\nCOMMIT\n'
    t ip netns exec a $r-restore -q
    t ip netns exec a $r-restore /nope
    t ip netns exec a $r-restore -V
    t ip netns exec a $r-restore a b
    t "ip netns exec a $r-save -c | grep -v '^# [GC]'"
    t ip netns exec a $r-save -V
    t ip netns exec a $r-save -t foo
    t ip netns exec a $r-save -q
    t ip netns exec a $r-save x
done
