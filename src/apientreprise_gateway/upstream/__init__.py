"""The way to one provider: connections, credentials, its breaker, what its answers mean."""
