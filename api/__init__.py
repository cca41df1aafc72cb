"""HTTP and nothing else: parse, run one command or query, answer."""
