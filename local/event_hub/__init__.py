"""A stand-in for an Event Hubs namespace with one hub."""
