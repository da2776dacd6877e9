"""Which of the three kinds a letter is, how sure, how pressing, and why.

Import from the modules: whoever needs only the words of `category` must not load the numbers.
"""
