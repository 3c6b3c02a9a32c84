"""Whether the sources of data work: what their calls say, probes where there are none, the answer for everybody."""
