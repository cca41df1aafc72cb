"""Journeys: whole stories through HTTP, on real processes, as people and machines see them."""
