"""Select flows as they arrive."""
