"""Providers' own languages, translated into the gateway's."""
