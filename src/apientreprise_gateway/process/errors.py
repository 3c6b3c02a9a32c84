"""Errors of starting a process, apart: the command line knows them without loading a server."""


class PortTakenError(Exception):
    """The address cannot be listened on: it is in use, not allowed, or not of this machine; the text says why."""
