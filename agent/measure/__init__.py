"""Measurements of a whole agent: each module measures one thing and returns plain figures."""
