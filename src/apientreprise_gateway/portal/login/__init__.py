"""Logging in: by ProConnect, by a link in a mail, by a click in a demonstration; and logging out."""
