"""Documents: files of providers that are checked, kept for a while, and downloaded by links that cannot be guessed."""
