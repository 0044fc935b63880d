"""What Felix writes into iptables: chains as pure functions of endpoints, profiles, policies and its configuration (release v3.26).

Rules are text in Felix's own long options, because that text is what its hashes are made of (reference sheet Calico, sections 3 and 4).
"""
