"""Files: whole or not at all, staged, JSON lines, YAML with lines, what the package ships."""
