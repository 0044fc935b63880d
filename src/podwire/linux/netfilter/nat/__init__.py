"""Network address translation (net/netfilter/nf_nat_*.c)."""
