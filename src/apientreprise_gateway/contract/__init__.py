"""The vocabulary of any product: endpoints, parameters, identifiers, routes, errors. Nothing here reads or sends."""
