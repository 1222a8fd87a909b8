"""Forward past hours, or replay them."""
