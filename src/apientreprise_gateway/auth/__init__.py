"""Authentication: tokens, the keys that sign them, and what is recorded about single tokens."""
