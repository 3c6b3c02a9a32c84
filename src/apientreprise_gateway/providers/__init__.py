"""What is served, as data: products, and the providers that answer for each."""
