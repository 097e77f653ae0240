"""Measurements; each script prints a table for people and JSON for machines."""
