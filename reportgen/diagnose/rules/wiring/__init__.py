"""Rules of how model, loss, optimizer and scheduler are put together and called."""
