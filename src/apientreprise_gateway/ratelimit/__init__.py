"""Rate limiting: windows per token, and bans of addresses, in memory or in Redis."""
