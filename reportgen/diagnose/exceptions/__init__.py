"""What an exception says of its cause, where it arose, and what to change."""
