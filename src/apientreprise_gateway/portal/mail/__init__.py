"""Mails: their templates, what they are rendered to, and how they leave."""
