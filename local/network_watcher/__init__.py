"""A stand-in for Azure Network Watcher: it writes flow logs, and what a forwarder must make of them."""
