"""BGP between machines: sessions as packets on TCP port 179, those of nodes and those of routers."""
