"""One call, check by check."""
