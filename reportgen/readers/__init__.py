"""From what lies on disk to a Run: run folders and reports."""
