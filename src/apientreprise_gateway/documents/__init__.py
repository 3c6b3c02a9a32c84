"""Documents: the files of providers, checked, kept for a while, and handed out by links that nobody can guess."""
