"""Puts the results into a manual page, between the lines of two marks."""
import re
import textwrap

import common

WHAT, COLUMNS = 38, 73                   # of the names of rows, and of a line
BEGIN, END = '.\\" table begins\n', '.\\" table ends\n'


def row_text(row):
    """The line of a row, or more: man(1) folds and fills no literal text, and has
    COLUMNS for it on a terminal of 80."""
    limit = ""
    if "limit" in row:
        limit = "%s %s%s" % ({"at most": "<=", "at least": ">="}[row["bound"]],
                             common.number_text(row["limit"]),
                             "" if row["met"] else " not met")
    what = row["what"]
    indent = " " * (len(what) - len(what.lstrip()))
    *above, last = textwrap.wrap(what, WHAT, subsequent_indent=indent + "    ",
                                 break_on_hyphens=False)
    line = "%-*s %8s %-8s" % (WHAT, last, common.number_text(row["value"]),
                              row["unit"])
    note = "(%s)" % row["note"] if "note" in row else ""
    below = []
    if len("%s %s" % (line, limit or note)) > COLUMNS or limit and note:
        below = textwrap.wrap(note, COLUMNS, initial_indent=indent + "    ",
                              subsequent_indent=indent + "     ")
        note = ""
    line = "%s %s" % (line, limit or note)
    return "".join(x.rstrip() + "\n" for x in [*above, line, *below])


def about_mdoc(text):
    """Paragraphs; each sentence begins a line."""
    return ".Pp\n".join(
        "".join(textwrap.fill(sentence, 78, break_on_hyphens=False) + "\n"
                for sentence in re.split("(?<=[.]) ", " ".join(paragraph.split())))
        for paragraph in text.split("\n\n"))


def section_mdoc(name, section):
    rows = "".join(row_text(row) for row in section["rows"])
    return ".Ss %s\n%s" % (name.upper(), (
        "%s.Pp\n%s cores, %s.\n.Bd -literal\n%s.Ed\n" % (
            about_mdoc(section["about"]), section["machine"]["cores"],
            section["date"], rows)).replace("\\", "\\e"))


def update(path, results, order):
    with open(path) as f:
        before, _, rest = f.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit("%s: no marks for the table" % path)
    text = ""
    for name in order:
        section = results["sections"].get(name)
        if section is None:
            continue
        text += section_mdoc(name, section)
    with open(path, "w") as f:
        f.write(before + BEGIN + text + END + after)
