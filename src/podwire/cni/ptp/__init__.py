"""The reference plugins as GKE uses them: ptp with host-local (reference sheet kube-proxy and GKE, section 2)."""
