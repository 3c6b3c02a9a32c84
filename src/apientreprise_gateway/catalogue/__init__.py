"""The catalogue: what is served, as data for pages and tools, and as a collection of requests."""
