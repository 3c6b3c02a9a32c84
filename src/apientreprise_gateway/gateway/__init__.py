"""Puts a gateway together from its settings and all other rooms."""
