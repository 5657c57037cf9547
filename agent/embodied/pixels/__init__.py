"""The `pixels` protocol: the agent reads frames, its inventory and its life, and nothing else."""
