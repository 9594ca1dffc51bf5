"""The private-network kernel."""
