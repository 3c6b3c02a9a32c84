"""What can be called: endpoints, their parameters, their paths."""
