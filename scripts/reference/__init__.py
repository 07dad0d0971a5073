"""The reference tables of the documentation, one module a table: `render(language, argument)`."""
