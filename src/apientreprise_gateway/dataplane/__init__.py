"""The data plane: answers calls to endpoints and documents, check by check."""
