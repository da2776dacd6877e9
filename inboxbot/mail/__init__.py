"""Email as data, and the two servers it comes from and goes to."""
