"""The user's own rules: taken, asked, written down and read back."""
