"""What Echelon's answers cost beside PostGraphile's, on one database; `__main__` says how."""
