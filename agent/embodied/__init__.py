"""The embodied agent: a goal becomes a tree of needs, the tree a plan of actions, and what worked is kept."""
