"""Pings: whether each source of data works, found from its calls, or by a probe where there were none."""
