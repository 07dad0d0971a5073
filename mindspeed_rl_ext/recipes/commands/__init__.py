"""The commands of the recipes."""
