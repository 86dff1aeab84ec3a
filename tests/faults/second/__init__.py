"""Set-ups written from the list of ids alone, after the first blind ones had been scored and opened.

No rule and no threshold was changed after these were first scored.
"""
