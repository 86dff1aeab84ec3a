"""Rules of losses, and of what they are given."""
