# tcpdump: UDP, TCP to a closed port and a short TCP exchange
# area: tcpdump
# compare: no ^--- — an acknowledgement may ride on the FIN, or go before it
# not modelled: all — sockets of programs: bash and Python send here
ns a b
pair a v0 02:00:00:00:00:0a b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
ip netns exec a ping -c 1 10.0.0.2 >/dev/null
dump plain a -i v0 -n -t
dump v a -i v0 -n -t -v
dump vv a -i v0 -n -t -vv
dump S a -i v0 -n -t -S tcp
dump q a -i v0 -n -t -q
dump e a -i v0 -n -t -e
dump names a -i v0 -t
t "ip netns exec a bash -c 'echo hi >/dev/udp/10.0.0.2/7777'"
t "ip netns exec a bash -c 'echo hi >/dev/udp/10.0.0.2/53'"
t "ip netns exec a bash -c 'echo hi >/dev/tcp/10.0.0.2/81'"
ip netns exec b python3 -c '
import socket
s = socket.create_server(("10.0.0.2", 80))
c, _ = s.accept()
c.recv(100)
c.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello\n")
c.close()' &
sleep 0.3
t "ip netns exec a bash -c 'exec 3<>/dev/tcp/10.0.0.2/80; echo GET / >&3; cat <&3'"
wait $!
enddump 0.3
