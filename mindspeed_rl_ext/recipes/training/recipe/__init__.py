"""The file of a recipe: its schema, its values, TRL's keys."""
