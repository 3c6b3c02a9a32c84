"""The providers of API Particulier, a file each."""
