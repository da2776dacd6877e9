"""Whether to reply, and with what."""
