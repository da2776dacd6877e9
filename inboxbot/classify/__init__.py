"""Which of the three kinds a letter is, how sure, how pressing, and why."""
