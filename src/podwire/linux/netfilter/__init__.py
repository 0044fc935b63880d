"""Netfilter: hooks, rule sets, connection tracking, address translation and sets (net/netfilter, net/ipv4/netfilter)."""
