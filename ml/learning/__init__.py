"""How both models learn: origins, the course they take, and what they have to beat."""
