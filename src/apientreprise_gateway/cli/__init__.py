"""What an operator types: one file per command or family of them."""
