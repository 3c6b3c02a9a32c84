"""The providers of API Entreprise, a file each."""
