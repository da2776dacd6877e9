"""The embedded mail servers and the sample letters of `inboxbot demo`."""
