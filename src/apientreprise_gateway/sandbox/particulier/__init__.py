"""The fictive world of API Particulier: persons and households, seen alike by all providers."""
