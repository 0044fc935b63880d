"""IP sets: their types, the sets of a namespace, and what rules ask of them (net/netfilter/ipset)."""
