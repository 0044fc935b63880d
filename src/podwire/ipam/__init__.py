"""Who gives pods their addresses."""
