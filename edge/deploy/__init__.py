"""Putting Limen onto a machine, and a newer one beside it. Needs nothing but Python: it runs before anything is there.

layout     where everything goes
machine    what kind of machine this is
actions    the steps, each of which can say what it does before it does it
plan       the steps of an installation and of its removal
upgrade    the newer version beside the older one: tried, switched to, and switched back where it does not hold
"""
