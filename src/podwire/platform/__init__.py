"""What a provider adds around a CNI: its machines, its fabric, its defaults."""
