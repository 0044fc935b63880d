"""Values on a cable: addresses, headers, packets and their bytes. Imports nothing of podwire but ``errors``."""
