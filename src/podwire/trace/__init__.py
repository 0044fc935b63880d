"""What happened to packets, and why: the event union, the log and the trace folded from it."""
