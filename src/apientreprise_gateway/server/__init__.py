"""The HTTP server: requests and answers on sockets, their limits, and which connections are closed."""
