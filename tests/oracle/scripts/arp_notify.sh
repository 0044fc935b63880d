# arp_notify=1: what an address or link change sends
# area: arp
# frames: no — a capture of the device itself is not yet back when the link comes up
ns a b
pair a v0 02:00:00:00:00:ab b v1 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev v0
ip -n b addr add 10.0.0.2/24 dev v1
dump b b -i v1 -n -t -e
sys a net.ipv4.conf.v0.arp_notify=1
ip -n a addr add 10.0.0.5/24 dev v0
ip -n a link set v0 down
ip -n a link set v0 up
ip -n a link set v0 address 02:00:00:00:00:ac
sleep 1.2
enddump
