# generated: arp_notify speaks on lo, too
# area: arp
# frames: no — a capture of the device itself is not yet back when the link comes up
ns a
t ip -n a link set lo down
sys a net.ipv4.conf.all.arp_notify=1
t ip -n a addr add 10.0.0.1/32 dev lo
t ip -n a link set lo up
t ip -n a -s link show lo
