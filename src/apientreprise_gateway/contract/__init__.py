"""The vocabulary of what is served: endpoints, parameters, identifiers, routes, errors. Pure."""
