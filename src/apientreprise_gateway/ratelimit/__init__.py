"""How much may be called: windows per token, bans of addresses."""
