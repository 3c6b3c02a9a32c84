"""A user's own cases: answers to calls that a folder of YAML files describes, read again when they change."""
