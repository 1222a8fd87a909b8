"""How far forwarding has come."""
