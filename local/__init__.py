"""The complete system on one machine: storage, hub, host and writer, for `make run` and for tests."""
