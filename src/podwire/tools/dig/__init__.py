"""``dig``, ``nslookup`` and ``host`` of BIND 9.18: one engine asks (``lookup``), each prints in its own words."""
