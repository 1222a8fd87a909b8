"""What a flow looks like: the schema as data, and the compiled formatter that writes it."""
