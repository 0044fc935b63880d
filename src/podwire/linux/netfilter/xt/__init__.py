"""Extensions of iptables: one module each, with data, behaviour and grammar (net/netfilter/xt_*.c, extensions/libxt_*.c)."""
