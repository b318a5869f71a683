"""The commands of `limen`, one module each: what a person types, joined to the rooms."""
