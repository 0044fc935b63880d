"""``conntrack`` of conntrack-tools 1.4.7: the table of connections."""
