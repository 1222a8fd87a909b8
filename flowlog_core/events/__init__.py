"""Flows in, Event Hubs events out: bodies, properties and byte ranges. No I/O."""
