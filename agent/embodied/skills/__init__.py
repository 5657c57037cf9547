"""What the body can do: each skill has a precondition, a time limit and a reason when it fails."""
