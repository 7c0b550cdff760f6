# auto-generated from asynchronous/__init__.py by `make client`; change that one.
"""`Client` by resource."""
