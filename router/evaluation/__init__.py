"""Evaluations of the core: each module measures one thing and returns plain figures."""
