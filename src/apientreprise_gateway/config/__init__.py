"""Shared by all programs of the package: the error of bad settings, files that change, private folders."""
