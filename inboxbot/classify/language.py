"""Which language a letter is written in, and how sure that is."""
