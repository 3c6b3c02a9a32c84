"""Running processes."""
