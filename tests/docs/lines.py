"""Links to the first line of quoted code: ``python -m tests.docs.lines`` writes the numbers that they have today."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LABEL = re.compile(r"^Code, \[([^\]]+)\]\(([^)#]+)(#L\d+)?\):\n\n```python\n((?:.*\n)*?)```$", re.MULTILINE)


def without_margin(code: str) -> str:
    """Return the code with two spaces before every comment, so that a comment's column is not compared."""
    return re.sub(" {2,}#", "  #", code)


def first_line(file: str, code: str) -> int:
    """Return the number of the line of a file at which quoted code begins.

    Raises
    ------
    ValueError
        If it is not in the file.
    """
    source = "\n" + without_margin((ROOT / file).read_text("utf-8"))
    return source[: source.index("\n" + without_margin(code)) + 1].count("\n")


def with_lines(page: str) -> str:
    """Return a page whose links to code lead to the first line of the code."""

    def link(found: re.Match[str]) -> str:
        file, path, code = found[1], found[2], found[4]
        return f"Code, [{file}]({path}#L{first_line(file, code)}):\n\n```python\n{code}```"

    return LABEL.sub(link, page)


if __name__ == "__main__":
    for path in (ROOT / "docs").rglob("*.md"):
        before = path.read_text("utf-8")
        after = with_lines(before)
        if after != before:
            path.write_text(after, "utf-8")
