"""Redis, for whoever keeps something there."""
