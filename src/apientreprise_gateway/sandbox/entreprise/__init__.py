"""The fictive world of API Entreprise: companies, associations and their establishments."""
