"""`python -m inboxbot.classify`: train both shipped models and put them beside their letters."""

import sys
from importlib import resources

from inboxbot.classify.letters import shipped
from inboxbot.classify.model import Kind
from inboxbot.classify.train import train


def main() -> None:
    """Write `data/encoder.model` and `data/light.model`, and print their versions."""
    kinds: tuple[Kind, Kind] = ("encoder", "light")
    with resources.as_file(resources.files("inboxbot.classify").joinpath("data")) as folder:
        for kind in kinds:
            model = train(shipped(), kind)
            (folder / f"{kind}.model").write_bytes(model.to_bytes())
            sys.stdout.write(f"{model.version}\n")


if __name__ == "__main__":
    main()
