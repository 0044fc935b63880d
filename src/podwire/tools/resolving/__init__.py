"""Names to addresses as the C library finds them: resolv.conf, queries as packets, /etc/hosts first."""
