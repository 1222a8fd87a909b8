"""The edge towards Azure Storage: source blobs, checkpoints and quarantine."""
