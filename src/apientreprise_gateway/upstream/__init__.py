"""Calls to providers: connections, credentials, circuit breakers, and what answers mean."""
