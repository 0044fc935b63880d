"""Cilium: the plugin, the agent of a node, the operator, and the BPF programs that the agent loads (reference sheet Cilium)."""
