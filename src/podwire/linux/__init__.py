"""One machine: namespaces, devices, tables and the packet path, named as in the kernel."""
