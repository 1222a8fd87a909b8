"""The edge towards Event Hubs: sending, and reading back."""
