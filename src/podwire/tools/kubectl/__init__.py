"""``kubectl`` (client 1.30): verbs on the objects of a cluster. One module a verb, or a family of verbs."""

from podwire.tools.kubectl.main import kubectl

__all__ = ["kubectl"]
