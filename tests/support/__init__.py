"""What the tests share: databases, actors, factories, the fake phone."""
