"""Run the command as `python -m inboxbot`."""

from inboxbot.cli import main

if __name__ == "__main__":
    main()
