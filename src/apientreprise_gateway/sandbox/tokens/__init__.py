"""Test tokens at once, without habilitation: for a demonstration, whose key signs them and whose gateway takes them."""
