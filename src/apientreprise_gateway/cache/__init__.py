"""The cache of answers of providers, given again to callers that ask the same."""
