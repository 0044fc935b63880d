"""What runs in a container and answers on its ports: ``server`` holds the sockets, ``http`` the protocol, ``programs`` who answers what."""
