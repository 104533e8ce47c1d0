"""The pins of one lock file, with their hashes, of what another one does not pin."""

import re
import sys
from pathlib import Path


def main() -> None:
    wanted, known = (_pins(Path(argument)) for argument in sys.argv[1:3])
    sys.stdout.write("".join(pin for name, pin in wanted.items() if name not in known))


def _pins(path: Path) -> dict[str, str]:
    """Name -> its lines."""
    blocks = re.findall(r"^\S.*\n(?:[ \t]+.*\n)*", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.split(r"[=\[; ]", block, maxsplit=1)[0]: block for block in blocks}


if __name__ == "__main__":
    main()
