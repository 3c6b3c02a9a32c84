"""What every program of this package does with what configures it."""
