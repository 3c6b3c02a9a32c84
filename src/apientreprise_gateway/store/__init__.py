"""Redis: addresses, connections, exchange of commands, meaning of errors."""
