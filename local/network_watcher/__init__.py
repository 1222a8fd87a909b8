"""A stand-in for Azure Network Watcher: it writes flow logs, and computes what a forwarder must make of them."""
