"""CoreDNS: its Corefile, what its plugins answer, its sockets, and the objects by which it runs in a cluster."""
