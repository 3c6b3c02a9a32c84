"""FranceConnect: whose access token a call has, and what its holder has agreed to show.

An access token means nothing to us: it is sent to FranceConnect, which answers with a JWT that it has signed, within
one that is encrypted to our key (RFC 9701). ADR 0024 says what is trusted, and why nothing is remembered.
"""
