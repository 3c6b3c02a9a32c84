"""A person's identity: which parameters name somebody, how they are judged, and the one form that they are given."""
