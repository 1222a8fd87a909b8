"""Find what is in quarantine, and replay it."""
