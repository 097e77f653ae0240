"""Echelon's predictions: facts in Parquet go in, churn and lifetime value come out."""
