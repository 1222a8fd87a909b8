"""Prove from the hub's events that every byte was accounted for."""
