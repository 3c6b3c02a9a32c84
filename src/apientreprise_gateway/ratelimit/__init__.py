"""How much may be called: windows, bans, client addresses."""
