"""The door: who holds the strike's pin, and how it is told to open for a moment.

Deliberately empty of imports: the strike process starts from this package and must stay small and quick.
"""
