"""What the app is told of: source blobs and their names, and the announcements that name them."""
