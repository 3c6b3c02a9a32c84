"""A fictive DataPass: requests of invented people, told of as DataPass tells of them."""
