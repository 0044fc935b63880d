# ip -batch and -force; several commands in one go
# area: tools
ns a
cat >good <<'X'
link add br0 address 02:00:00:00:00:09 type bridge
# a comment
addr add 10.0.0.1/24 dev br0

link set br0 up
route add 10.5.0.0/16 via 10.0.0.9
route
X
cat >bad <<'X'
addr add 10.0.0.2/24 dev br0
addr add 10.0.0.2/24 dev br0
addr add 10.0.0.3/24 dev nope
addr add 10.0.0.4/24 dev br0
frob
X
t ip -n a -b good
t ip -n a -b bad
t ip -n a -o addr show br0
t ip -n a -force -b bad
t ip -n a -o addr show br0
t "echo route | ip -n a -b -"
t "echo route get 1.2.3.4 | ip -n a -b -"
t ip -n a -b nosuchfile
