"""Calico's kinds as the API server keeps them (``crd.projectcalico.org``), and as people write them (``projectcalico.org/v3``)."""
