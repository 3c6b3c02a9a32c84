"""The database of the account side: PostgreSQL, or SQLite behind the same code; its tables and migrations."""
