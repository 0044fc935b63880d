"""Generated rule sets, and packets through them: the kernel's answers against podwire's."""
