"""inboxbot reads a support mailbox, sorts each letter, acknowledges it once and says why."""
