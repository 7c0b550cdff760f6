"""Which arguments a simple shell command reads as shell text once more: `eval`, `trap`, `sh -c`, names of variables.

A value is never program text where it stands as one quoted word, unless the command itself makes it
so. `SimpleCommand` is told the words as they are read and says whether the next one is such a place.

Besides the commands that evaluate by their nature, bash evaluates subscripts in what it takes for
the *name* of a variable (`read 'a[$(id)]'` runs `id`), so those places count as well. Programs in
other languages (`python3 -c`, `awk`, `sed`, `ssh`) are not known here; `docs/templates.md` warns.
"""

import re
from dataclasses import dataclass
from typing import Final

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "su"})
_READS_CODE: Final = frozenset(
    {"eval", "trap", "let", "alias", "declare", "typeset", "unset", "read", "getopts", "mapfile", "readarray"}
)
_DECLARES: Final = frozenset({"export", "readonly", "local"})
"""Code unless the value stands behind `NAME=`."""
_TAKES_NAME: Final = frozenset({"printf", "test", "["})
"""With the option `-v`, the next word names a variable."""
_PREFIXES: Final = frozenset({"command", "builtin", "exec"})
_OPTION_C: Final = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
_OPTION_WITH_WORD: Final = re.compile(r"[-+][A-Za-z]*[oO]")
ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")


@dataclass(slots=True)
class SimpleCommand:
    """What was seen of the command that is being read."""

    name: str | None = None
    words: int = 0
    reserved: bool = True
    """The next word may be a reserved word."""
    is_target: bool = False
    """The next word is what a redirection points to."""
    shell: str = ""
    """The shell whose options are being read."""
    is_script_next: bool = False
    is_skipped_next: bool = False
    has_options: bool = False

    def is_code(self, prefix: str) -> bool:
        """Tell whether the word that begins with `prefix` (as written so far) is read as shell text."""
        if self.is_target:
            return False
        if self.name in _DECLARES:
            return self.has_options or ASSIGNMENT.match(prefix) is None
        return self.is_script_next or self.name in _READS_CODE

    def take_argument(self, word: str | None) -> None:
        """Take one word behind the name; `word` is None when it holds an expansion."""
        is_option = word is not None and word[:1] in ("-", "+")
        if self.name in _PREFIXES and not is_option:
            self.name = word
        if self.name == "for" and word == "do" and self.words == 3:
            self.name, self.words = None, 0
        self.has_options = self.has_options or is_option
        self._follow_shell(word, is_option)
        if self.name in _TAKES_NAME:
            self.is_script_next = word == "-v"

    def _follow_shell(self, word: str | None, is_option: bool) -> None:
        """Follow `sh -e -o pipefail -c SCRIPT` word by word."""
        if self.is_skipped_next:
            self.is_skipped_next = False
        elif self.shell and word is not None and is_option:
            self.is_script_next = self.is_script_next or _OPTION_C.fullmatch(word) is not None
            self.is_skipped_next = not self.is_script_next and _OPTION_WITH_WORD.fullmatch(word) is not None
        else:
            self.is_script_next = False
            if self.shell != "su":
                self.shell = ""
        if word is not None and word.rpartition("/")[2] in _SHELLS:
            self.shell = word.rpartition("/")[2]

    def take_name(self, word: str | None) -> None:
        """Take the word that names the command."""
        self.name = word or ""
        self._follow_shell(word, False)
