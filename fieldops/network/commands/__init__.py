"""The verbs of the network record."""
