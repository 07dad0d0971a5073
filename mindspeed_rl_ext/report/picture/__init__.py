"""The curves as a PNG file."""
