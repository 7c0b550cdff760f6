"""What several kinds of tests need from outside: a PostgreSQL server, a browser. Loaded by tests/conftest.py."""
