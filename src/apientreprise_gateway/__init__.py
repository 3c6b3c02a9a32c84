"""A gateway in front of the French public data providers, as API Entreprise defines it."""

__version__ = "0.1.0"
