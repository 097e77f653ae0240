"""Echelon's product: intake, decisions and the GraphQL API. The models live in `ml`."""
