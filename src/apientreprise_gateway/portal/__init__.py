"""The account side put together. It meets the gateway through Redis, access lines and HTTP, and never imports it."""
