"""The real browser: a driver of headless Chromium, and what a page must keep in it."""
