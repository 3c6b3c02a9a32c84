"""Whether the service and its sources work, and did: minutes, days, incidents, maintenance, without a web page."""
