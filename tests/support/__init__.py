"""Helpers that tests share: started programs, tokens, a stub provider, real stores."""
