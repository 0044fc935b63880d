# ipset restore: many commands at once, what is saved up, and what becomes of it when a line is wrong
# area: netfilter
i() { t ipset "$@"; }
r() { say restore; printf '%b' "$1" | ipset restore "${@:2}"; echo "[exit $?]"; }
r 'create a hash:ip initval 1\nadd a 10.0.0.1\nadd a 10.0.0.2\n'
i list a
r '# comment\n\n  add a 10.0.0.3\nCOMMIT\nadd a 10.0.0.4'
i list a
r 'add a 10.0.0.5\nadd a x\nadd a 10.0.0.6\n'
i list a
r 'add a 10.0.0.5\nadd a 10.0.0.1\nadd a 10.0.0.6\n'
i list a
r 'add a 10.0.0.6\nadd a 10.0.0.1\nadd a 10.0.0.7\n' -exist
r 'add a 10.0.0.8\nadd a 10.0.0.1 -exist\nadd a 10.0.0.9\n'
r 'add a 10.0.0.1 -exist\nadd a 10.0.0.8\nadd a 10.0.0.9\n'
i list a
r 'del a 10.0.0.9\ndel a 10.0.0.8\ndel a 10.0.0.99\n'
i list a
r 'add a 10.1.0.1\ntest a 10.0.0.1\nadd a 10.1.0.2\n'
r 'add a 10.1.0.3\ntest a 10.0.0.99\nadd a 10.1.0.4\n'
r 'add a 10.1.0.5\nquit\n'
r 'add a 10.1.0.6\nlist a\n'
r 'add a 10.1.0.7\ncreate b hash:net initval 3 comment\nadd b 10.0.0.0/8 comment "two words"\nadd b 1.0.0.0/8 comment "x\n'
i list
r 'restore\n'
r 'help\n'
r 'version\n'
r 'foo\n'
r 'create a hash:ip\n'
r 'create a hash:ip initval 1\n' -!
r 'create c hash:ip foo\n'
r 'create c hash:ip netmask 99\n'
r 'add nope 10.0.0.1\n'
r 'flush a\nadd a 10.0.0.1\ndestroy a\nadd a 10.0.0.1\n'
i list
r 'create c hash:ip initval 9\nadd c 10.0.0.1\nadd c 10.0.0.2\nswap c nope\nadd c 10.0.0.3\n'
r 'add c 10.0.0.300\n'
r 'add c 10.0.0.9 timeout 7\n'
r 'add c 0.0.0.0\n'
r 'list c -t\nadd c 10.0.0.7\nlist c\n'
r '-N d hash:ip initval 4\n-A d 10.0.0.1\n--add d 10.0.0.2\r\n'
i list d
say many lines
{ echo create e hash:net initval 77 maxelem 100000; for n in {1..3000}; do echo add e 10.$((n * 7919 % 256)).$((n % 256)).0/$((24 + n % 7)); done; echo add e 10.0.0.0/8; echo add e foo; } > lines
t ipset restore -! -f lines
t "ipset list e | head -n 7"
t "ipset list e | tail -n 5"
t "ipset list e | cksum"
t "ipset save | cksum"
say all of it again
ipset save > saved
ipset destroy
t ipset restore -file saved
t "ipset save | cmp - saved"
t "ipset list e | head -n 7"
i restore -f nowhere
