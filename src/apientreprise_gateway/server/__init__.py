"""What only a connection can do: HTTP on sockets, its bounds, who is let go."""
