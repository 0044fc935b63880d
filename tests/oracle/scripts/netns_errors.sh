# ip netns: wrong commands, their words and exit statuses; names, ids and what is run in them
# area: tools
ns a
n() { t ip netns "$@"; }
n add
n add a
n add a b
n add ''
n add .
n add ..
n add x/y
n add "$(printf 'x%.0s' {1..255})"
n del "$(printf 'x%.0s' {1..255})"
n add "$(printf 'x%.0s' {1..256})"
n del
n del nosuch
n delete nosuch
n exec
n exec a
n exec nosuch true
n exec a nosuchcommand
n exec a ip link show nosuch
n exec a ip netns list
n pids
n pids nosuch
n identify x
n identify 1 2
n set
n set a
n set a x
n set a -5
n set nosuch 5
n set a 5
n set a 5
n set a 6
n list-id
n list-id nsid
n list-id nsid x
n list-id nsid 7
n list-id nsid 5
t ip -j netns list-id nsid 5
n attach
n attach b
n attach b x
n attach b 0
n attach a 1
n frob
n li
n
t ip -n nosuch link
t ip -n '' link
t ip -n
t ip -netns a -netns nosuch link
t ip -all netns
t ip -all netns exec
t ip -all netns exec ip -br link
t ip -all netns del
n
