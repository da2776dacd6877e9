"""The review app, for staff and administrators."""
