"""Tidegate on one machine: the local plane, its demo, and the dev cluster. The image holds nothing
of it."""
