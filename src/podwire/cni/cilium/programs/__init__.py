"""The programs of Cilium's datapath. They see the packet, the maps and the helpers, and nothing else."""
