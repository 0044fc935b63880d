"""calicoctl: Calico's resources and its IPAM, from the terminal. Texts are those of release v3.28 (reference sheet Calico, 2.4 and 2.5)."""

from podwire.tools.calicoctl.main import calicoctl

__all__ = ["calicoctl"]
