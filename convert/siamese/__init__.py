"""Siamese face networks: recipes to train one on a folder of people, and to compare them."""
