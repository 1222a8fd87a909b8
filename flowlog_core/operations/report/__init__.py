"""What logs say about the traffic."""
