"""The journal: access lines kept in a database, for 36 months.

It only reads what the gateways write, and never stands in the way of a call.
"""
