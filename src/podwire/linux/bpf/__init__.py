"""BPF in the kernel model: maps, programs, and what a program sees of a packet and of the kernel."""
