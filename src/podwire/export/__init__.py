"""File formats and other views of what happened. Each gets what it writes as an argument."""
