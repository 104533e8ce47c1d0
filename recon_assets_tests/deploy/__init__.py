"""The deployment: its files, and its services on a real PostgreSQL."""
