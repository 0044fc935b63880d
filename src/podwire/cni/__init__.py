"""What programs a node: CNI plugins and their agents. They hold the door, never a packet."""
