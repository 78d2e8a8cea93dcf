"""Two runs or two nets side by side: what differs, what it costs, and who is right where."""
