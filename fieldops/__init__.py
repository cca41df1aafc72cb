"""FieldOps: the business of installing and repairing fixed lines and broadband, and its data."""
