"""Habilitations, tokens and the people around them: rules over the database, without a web page or a socket."""
