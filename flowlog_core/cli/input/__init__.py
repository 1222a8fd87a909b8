"""What commands read: arguments, and logs from files and URLs."""
