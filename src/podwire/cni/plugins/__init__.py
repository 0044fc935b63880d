"""The reference plugins of CNI, and the runtime's side of it: which conflist lies on a node, and how its chain is run.

Reference sheet kube-proxy and GKE, section 2; the plugins are those of releases 1.1 to 1.5.
"""
