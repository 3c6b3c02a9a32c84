"""The gateway process put together."""
