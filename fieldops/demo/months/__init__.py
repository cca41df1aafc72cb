"""Three months of work before the demo's first day, so that lists and figures show something."""
