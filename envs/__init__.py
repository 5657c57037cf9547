"""Worlds: the observation and action contract of MineDojo behind gymnasium's API.

This package imports none of the others; the root of the project's errors lives here (`veclink.envs.errors`) because
every other package may import it.
"""
