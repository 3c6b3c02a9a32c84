"""Fictive providers over real HTTP."""
