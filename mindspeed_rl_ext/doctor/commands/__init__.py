"""The other commands of this room."""
