"""Kubernetes objects: manifests as people write them, decoded as strictly as the API server does."""
