"""The pages about the gateway itself: health, metrics, documentation, privileges, pings."""
