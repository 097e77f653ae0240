"""Every SQL statement of the application: models by noun, queries by noun."""
