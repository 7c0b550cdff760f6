"""Where in a POSIX shell program a value may stand, and in which quoting: a lexer, no interpreter.

`spots` reads a program in which each place for a value is one `MARK` and says, for every mark, the
quoting around it, or why a value must not stand there.

Rules. Nothing is guessed: where shells disagree about how a text reads, the lexer notes its *doubt*
and every later mark is refused. A refusal costs the author a variable name; a wrong answer would
cost word splitting, and in arithmetic an injected command (bash evaluates what a variable holds).

It does not know: aliases, what a command does with its arguments. Only for commands that read an
argument as shell text once more (`eval`, `trap`, `sh -c` …) it says so (`is_code`).

Theory: POSIX.1-2017, Shell Command Language, 2.2 Quoting, 2.3 Token Recognition, 2.6 Word
Expansions, 2.7.4 Here-Document, 2.9.4 Case. Each of these begins a new context:

    words ──'──► single          $( … ) ──► words (a new command list)
      │ ───"──► double ──$(──►   ${ … }, $(( … )), ` … `, here-documents, case patterns ──► refused
"""

import re
from dataclasses import dataclass, field
from typing import Final

from orchestra.domain.shell_code import ASSIGNMENT, SimpleCommand
from orchestra.domain.shell_words import MARK, Quoting, Spot, TooDeepError, WordReader


def spots(program: str) -> tuple[Spot, ...]:
    """Return one spot for each `MARK` of `program`, in order. Never raises; the work is linear in the length."""
    reader = _Reader(program)
    try:
        while reader.at < reader.end:
            reader.commands("")
    except TooDeepError:
        reader.doubt = "stands behind text that is nested too deeply to be followed"
    refused = Spot(None, reader.doubt or "stands where its quoting cannot be known")
    places = (at for at, character in enumerate(program) if character == MARK)
    return tuple(reader.found.get(at, refused) for at in places)


_STILL_BEFORE_COMMAND: Final = frozenset(
    {"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "{", "}", "!", "time", "esac"}
)
_REDIRECTION: Final = re.compile(r"<<<|<<-|<<|<&|<>|<|>>|>&|>\||>")


@dataclass(frozen=True, slots=True)
class _Document:
    """A here-document whose body begins after the next newline."""

    delimiter: str
    strips_tabs: bool
    is_quoted: bool


@dataclass(slots=True)
class _Reader(WordReader):
    """Reads command lists; documents wait for the newline behind which their bodies begin."""

    pending: list[_Document] = field(default_factory=list)

    # Commands ---------------------------------------------------------------------------------

    def commands(self, until: str) -> bool:
        """Read a command list up to `)`, up to the end of a case item (`esac`), or to the end of the text.

        Return whether the word `esac` ended it.
        """
        self.descend()
        outer = self.code
        self.code = outer or self.command.is_code(self.text[self.word_begin : self.at])
        command = SimpleCommand()
        foreign = len(self.pending) if until == ")" else 0
        is_esac = False
        while self.at < self.end:
            character = self.text[self.at]
            if character in " \t" or self.skip_continuation():
                self.at += character in " \t"
            elif character == "#":
                self._comment()
            elif character == "\n":
                self._newline(is_foreign=foreign > 0)
                command = SimpleCommand()
            elif character in ";&|":
                if until == "esac" and self.text.startswith((";;", ";&"), self.at):
                    self.at += 3 if self.text.startswith(";;&", self.at) else 2
                    break
                self.at += 1
                command = SimpleCommand()
            elif character == "(":
                self._group(command)
                command = SimpleCommand()
            elif character == ")":
                self.at += 1
                if until == ")":
                    break
                self.doubts("a closing parenthesis without its opening one")
            elif character in "<>":
                self._redirection(command)
            elif self._next_word(command, until):
                is_esac = True
                break
        if until == ")" and len(self.pending) > foreign:
            self.doubts("a here-document that does not end inside its parentheses")
        self.code = outer
        self.depth -= 1
        return is_esac

    def _newline(self, *, is_foreign: bool) -> None:
        """Read a newline and the bodies behind it; `is_foreign`: a document began outside these parentheses."""
        if is_foreign and self.pending:
            self.doubts("a here-document whose line goes on inside parentheses or 'case'")
        self.at += 1
        self._documents()

    def _next_word(self, command: SimpleCommand, until: str) -> bool:
        """Read one word of `command`; return whether it is the `esac` that ends the list."""
        begin = self.at
        outer, self.command = self.command, command
        word, is_quoted = self.word()
        self.command = outer
        command.words += 1
        if command.is_target:
            command.is_target = command.reserved = False
        elif command.name is not None:
            command.take_argument(word)
        else:
            reserved = command.reserved and not is_quoted
            if reserved and word == "esac" and until == "esac":
                return True
            self._begin(command, word, reserved, self.text[begin : self.at])
        return False

    def _begin(self, command: SimpleCommand, word: str | None, reserved: bool, raw: str) -> None:
        """Take a word where the command's name may stand."""
        if ASSIGNMENT.match(raw):
            command.reserved = False
        elif reserved and word in _STILL_BEFORE_COMMAND:
            command.words = 0
        elif reserved and word == "case":
            self._case()
            command.words = 0
        elif reserved and word == "[[":
            self._condition()
            command.name = "[["
        else:
            command.take_name(word)

    def _group(self, command: SimpleCommand) -> None:
        if self.peek() == "(" and command.name is None and command.reserved:
            self.doubts("'(('")
        self.at += 1
        self.commands(")")

    def _condition(self) -> None:
        """Read bash's `[[ … ]]`, where `-eq` and its kin evaluate what a variable holds."""
        outer, self.context = self.context, self.context or "stands in '[[ … ]]', which may evaluate it"
        while self.at < self.end:
            if self.text[self.at] in " \t\n;&|()<>":
                self.at += 1
            elif self.word() == ("]]", False):
                break
        self.context = outer

    def _case(self) -> None:
        """Read `case` from behind its first word to `esac`."""
        self._blanks()
        self.word()
        self._blanks()
        if self.word() != ("in", False):
            self.doubts("a 'case' without 'in'")
            return
        while True:
            self._blanks()
            if self.at >= self.end:
                return
            is_open = self.text[self.at] == "("
            self.at += is_open
            if self._patterns() and not is_open:
                return
            if self.commands("esac"):
                return

    def _patterns(self) -> bool:
        """Read the patterns of one case item behind their `)`; return whether there was `esac` instead."""
        outer, self.context = self.context, self.context or "stands in a 'case' pattern"
        first = True
        is_over = False
        while self.at < self.end and not is_over:
            character = self.text[self.at]
            if character == ")":
                self.at += 1
                break
            if character in " \t|\n;&<>(":
                self.at += 1
                continue
            is_over = self.word() == ("esac", False) and first
            first = False
        self.context = outer
        return is_over

    def _blanks(self) -> None:
        while self.at < self.end:
            if self.text[self.at] == "\n":
                self._newline(is_foreign=True)
            elif self.text[self.at] in " \t":
                self.at += 1
            elif self.text[self.at] == "#":
                self._comment()
            elif not self.skip_continuation():
                return

    def _comment(self) -> None:
        while self.at < self.end and self.text[self.at] != "\n":
            if self.text[self.at] == MARK:
                self.found[self.at] = Spot(Quoting.COMMENT)
            self.at += 1

    # Redirections and here-documents ----------------------------------------------------------

    def _redirection(self, command: SimpleCommand) -> None:
        match = _REDIRECTION.match(self.text, self.at)
        assert match is not None, self.text[self.at]
        self.at = match.end()
        if match[0] in ("<<", "<<-"):
            self._delimiter(strips_tabs=match[0] == "<<-")
        elif self.text[self.at : self.at + 1] != "(":
            command.is_target = True

    def _delimiter(self, *, strips_tabs: bool) -> None:
        while self.at < self.end and (self.text[self.at] in " \t" or self.skip_continuation()):
            self.at += self.text[self.at : self.at + 1] in (" ", "\t")
        outer, self.context = self.context, "stands in the delimiter of a here-document"
        delimiter, is_quoted = self.word()
        self.context = outer
        if delimiter is None:
            self.doubts("a here-document whose delimiter holds an expansion")
        else:
            self.pending.append(_Document(delimiter, strips_tabs, is_quoted))

    def _documents(self) -> None:
        """Read the bodies of the here-documents that wait, in order."""
        for document in self.pending:
            reason = "stands in a here-document"
            if document.is_quoted:
                reason = "stands in a here-document with a quoted delimiter, where nothing is expanded"
            outer, self.context = self.context, self.context or reason
            self._body(document)
            self.context = outer
        self.pending.clear()

    def _body(self, document: _Document) -> None:
        is_joined = False
        while self.at < self.end:
            newline = self.text.find("\n", self.at)
            stop = self.end if newline < 0 else newline
            line = self.text[self.at : stop]
            plain = line.lstrip("\t") if document.strips_tabs else line
            if not is_joined and plain == document.delimiter:
                self.at = min(stop + 1, self.end)
                return
            if not document.is_quoted:
                is_joined = (len(line) - len(line.rstrip("\\"))) % 2 == 1
                if line.count("`") % 2 or ("$(" in line and line.count("(") != line.count(")")):
                    self.doubts("a here-document with a substitution over several lines")
            while self.at < stop:
                if self.text[self.at] == MARK:
                    self.mark(Quoting.UNQUOTED)
                else:
                    self.at += 1
            self.at = min(stop + 1, self.end)
