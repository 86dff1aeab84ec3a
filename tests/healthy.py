"""One healthy run that tests share, since making it takes longer than most tests. Runs are never changed in place."""

import functools

from reportgen.testing import fake_run

healthy = functools.cache(fake_run)
