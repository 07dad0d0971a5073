"""A double of the host, written from facts/hosts.md."""
