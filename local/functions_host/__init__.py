"""A stand-in for the Functions host: it runs the app in Microsoft's own Python worker."""
