"""Text in format=flowed: soft line ends undone (RFC 3676), so that a word is one word."""


def unflowed(text: str, *, delete_space: bool = False) -> str:
    """Join the lines that a mail program broke, within one depth of quoting.

    `delete_space` is the parameter DelSp=yes: the blank at a soft break belongs to the
    break, not to the text.
    """
    lines: list[list[str]] = []
    depth_before = 0
    open_line = False
    for raw_line in text.split("\n"):
        line = raw_line.rstrip("\r")
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        signature = content in ("-- ", "--")
        joins = open_line and depth == depth_before and not signature
        if not joins:
            lines.append([">" * depth + " " if depth else ""])
        open_line = content.endswith(" ") and not signature
        lines[-1].append(content[:-1] if open_line and delete_space else content)
        depth_before = depth
    return "\n".join("".join(pieces) for pieces in lines)
