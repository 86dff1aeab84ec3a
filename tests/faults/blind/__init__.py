"""Set-ups written from the list of ids alone, by a hand that had seen no rule.

No rule and no threshold was changed after they were first scored.
"""
