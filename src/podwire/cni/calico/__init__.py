"""Calico: the CNI plugin and Felix (release v3.26; reference sheet Calico)."""
