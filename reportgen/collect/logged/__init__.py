"""What is logged to look at or to listen to: tensors to the records of run/logged.py, one kind a file."""
