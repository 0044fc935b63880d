"""The packet path. Functions bear the names of the kernel functions that they model, so that both sources can be read side by side."""
