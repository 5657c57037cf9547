"""Training recipes: each module here is one loop that reads top to bottom."""
