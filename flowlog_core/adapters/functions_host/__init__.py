"""What the app needs of the Functions host and of its Python worker; only `function_app` imports it."""
