# ipset: types that the kernel of the record was built without
# area: netfilter
# compare: no ^\$ ipset — this kernel has no hash:net,net, hash:net,port,net, hash:ip,mark, hash:ip,mac and hash:mac: the kernel's source is followed
i() { t ipset "$@"; }
i create nn hash:net,net
i create npn hash:net,port,net
i create k hash:ip,mark
i create im hash:ip,mac
i create m hash:mac
