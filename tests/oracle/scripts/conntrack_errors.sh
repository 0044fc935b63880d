# conntrack: what it says of a command line that makes no sense
# area: netfilter
ns node
ct() { t "ip netns exec node conntrack $* 2>&1"; }
t conntrack
for words in -X --foo '-L -I' '-L foo' '-F foo' '-C foo' '-V foo' '-D dying' '-U expect' '-p tcp' '-L -p foo' '-L -p 300' '-L -p 6 --dport 80' \
    '-L -p tcp --dport x' '-L -p tcp --state FOO' '-L -p icmp --dport 1' '-L --dport 1' '-L -s 1.2.3' '-L -s foo' '-L -s 1.2.3.4/33' '-L -s 1.2.3.4/x' \
    '-L -r 1.2.3.4/24' '-L -s fe80::1' '-L -s 1.1.1.1 -d fe80::1' '-L -m x' '-L -m 1/x' '-L -w x' '-L -w 70000' '-L -u FOO' '-L -u' '-L -o foo' \
    '-L -o save,xml' '-L -t 5' '-L --mask-src 255.0.0.0' '-L -f foo' '-L -s' '-L -z -p tcp' '-L -n -j' '-L -j 1.2.3.4:x' '-L -j 1.2.3.4:' \
    '-L -a 1.2.3.4' '--dump' '-L -p tcp --sta FOO' '-L --s 1.1.1.1' '-L -p tcp --tuple-port-src 5' '-L -p tcp --mask-port-src 5' '-E -e FOO' '-E -z' \
    '-F -f ipv4' '-F -p tcp' '-F expect' '-S expect'; do
    ct "$words"
done
for words in '-p tcp' '-s 1.1.1.1 -d 2.2.2.2' '-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2' '-p udp -s 1.1.1.1 -t 5 --sport 1 --dport 2' \
    '-p udp -r 1.1.1.1 -t 5 --sport 1 --dport 2' '-p udp -s 1.1.1.1 -d 2.2.2.2 -t 5 --sport 1' '-p udp -s 1.1.1.1 -d 2.2.2.2 -t 5' \
    '-p icmp -s 1.1.1.1 -d 2.2.2.2 -t 5' '-p icmp -s 1.1.1.1 -d 2.2.2.2 -t 5 --icmp-type 8' '-p 47 -s 1.1.1.1 -d 2.2.2.2 -t 5' \
    '-p gre -s 1.1.1.1 -d 2.2.2.2 -t 5 --srckey 1' '-p tcp -s 1.1.1.1 -d 2.2.2.2 -t 5 --sport 1 --dport 2' \
    '-p tcp -s 1.1.1.1 -d 2.2.2.2 -t 5 --sport 1 --dport 2 --state established' '-p sctp -s 1.1.1.1 -d 2.2.2.2 -t 5 --sport 1 --dport 2' \
    '-p sctp -s 1.1.1.1 -d 2.2.2.2 -t 5 --sport 1 --dport 2 --state CLOSED' '-p tcp -r 1.1.1.1 -q 2.2.2.2 -t 5 --state ESTABLISHED'; do
    ct -I "$words"
done
for words in '-p udp' '-s 9.1.1.1 -d 9.2.2.2' '-p udp -s 9.1.1.1 -d 9.2.2.2' '-p udp -r 3.3.3.3 -q 9.1.1.1 --reply-port-src 8 --reply-port-dst 7'; do
    ct -G "$words"
done
ct -A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2
ct -U -p udp -s 9.1.1.1 -u FOO
ct -h -p tcp
ct -h -p udp
ct -h -p icmp
