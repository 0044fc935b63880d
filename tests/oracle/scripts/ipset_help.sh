# ipset help: of all types and of each
# area: netfilter
i() { t ipset "$@"; }
i help
i --help
i -h
i help -q
for s in hash:ip hash:net hash:net,net hash:ip,port hash:ip,port,ip hash:ip,port,net hash:net,port hash:net,port,net hash:ip,mark \
    hash:ip,mac hash:mac bitmap:ip bitmap:ip,mac bitmap:port list:set iphash; do i help $s; done
