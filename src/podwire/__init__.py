"""podwire."""
