"""Puts the results into a manual page, between the lines of two marks."""
import common

BEGIN, END = '.\\" table begins\n', '.\\" table ends\n'


def cell(text):
    return text.strip().replace("\\", "\\e")


def row_mdoc(row, under):
    limit = ""
    if "limit" in row:
        limit = "%s %s%s" % (row["bound"], common.number_text(row["limit"]),
                             "" if row["met"] else ", not met")
    what = cell(row["what"])
    if row["what"].startswith(" "):
        what = under + ", " + what
    return ".It %s Ta %s %s Ta %s\n" % (
        what, common.number_text(row["value"]), row["unit"], limit or "-")


def section_mdoc(name, section, heading):
    text = ".Ss %s\n%s\n.Bl -column -compact \"%s\" \"%s\" \"%s\"\n" % (
        name.upper(), heading, "x" * 44, "x" * 14, "x" * 20)
    under = ""
    for row in section["rows"]:
        if not row["what"].startswith(" "):
            under = cell(row["what"])
        text += row_mdoc(row, under)
    return text + ".El\n"


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
        m = section["machine"]
        text += section_mdoc(name, section, "%s cores, %s." % (
            m["cores"], section["date"]))
    with open(path, "w") as f:
        f.write(before + BEGIN + text + END + after)
