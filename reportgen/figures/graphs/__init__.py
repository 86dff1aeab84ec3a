"""Pictures of computation graphs: what is drawn of one, where it stands, and what it looks like."""
