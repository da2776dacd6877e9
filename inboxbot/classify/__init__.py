"""Which of the three kinds a letter is, how sure, how pressing, and why.

Import from the modules: whoever needs only the words of `category` must not load the numbers.
"""

import os

# One letter at a time: further threads of the numeric library would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
