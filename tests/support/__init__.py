"""What the tests share: started programs, tokens, a stub provider."""
