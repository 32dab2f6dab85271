#!/usr/bin/env python3
"""Whether tickloom reads the public collection of Parquet files rightly, and refuses the bad ones.

usage: conformance.py TICKLOOM_BINARY DATA_FOLDER [--json] [--readers] [--only NAME]... [--no-limits]

DATA_FOLDER holds good/ and bad/, or a folder parquet_files with them. Every value of every file of good/ is compared: with what the
file's documentation says (expect/*.jsonl here, *_expect.csv next to the file), and with what pyarrow, DuckDB and polars read. A file is
right when the expectation agrees, or two other readers do. Files of bad/ must be refused, with a message that names the file, in 20
seconds and 2 GB of address space.

  --json       the same as JSON
  --readers    the score of each other reader, too, by the same rules
  --only NAME  only files with NAME in their name
  --no-limits  no bound on the address space, which sanitizers need

Exit code: 0 all is right, 1 something is wrong, 2 usage, 77 the data or another reader is missing.
"""
import argparse
import csv
import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from values_as_text import MARK, Failure, Refused, Tickloom, column_difference, columns_difference, demand, parsed, read_with, shape_of, typed

SECONDS = 20
MEMORY = 2 << 30
PEERS = ("pyarrow", "duckdb", "polars")
EXPECT = Path(__file__).resolve().parent / "expect"
GOOD, BAD = 65, 8  # files of the collection
REFUSED = {"datapage_v1-corrupt-checksum.parquet", "rle-dict-uncompressed-corrupt-checksum.parquet"}  # a CRC does not match
OPTIONAL = {"large_string_map.brotli.parquet", "nation.dict-malformed.parquet", "ARROW-GH-43605.parquet"}  # may be refused
FREE_ROWS = {"int96_from_spark.parquet": [5]}  # beyond what many hold: anything may stand there
HUGE = "large_string_map.brotli.parquet"  # 2 GiB of text, which is not compared in memory
PAIRS = "byte_stream_split_extended.gzip.parquet"  # columns X_plain and X_byte_stream_split hold the same


def skip(why):
    print(f"SKIPPED: NOTHING WAS COMPARED, since {why}", file=sys.stderr)
    print("SKIP")
    sys.exit(77)


# ---- what a file is expected to hold ----


def expectation(path, shape):
    """[(name, values)] of what the documentation says, or None."""
    by_hand, table = EXPECT / f"{path.stem}.jsonl", path.with_name(path.stem + "_expect.csv")
    if by_hand.is_file():
        return [(n, [typed(v, s) for v in values]) for (n, values), s in zip(parsed(by_hand.read_bytes()), shape.children)]
    if table.is_file():
        return from_csv(table, shape)
    return None


def from_csv(table, shape):
    """All integers and texts. Nothing between two commas is a missing value; no text there is empty."""
    with open(table, newline="", encoding="utf-8") as f:
        rows = list(csv.reader(f))[1:]
    return [(s.name, [csv_value(row[i], s.form) for row in rows]) for i, s in enumerate(shape.children)]


def csv_value(text, form):
    demand(form in ("int", "text"), f"a column of {form} in an expectation")
    return None if text == "" else MARK + text if form == "int" else text


def unexpected(got, want, name):
    """The difference, rows aside that are free."""
    for row in FREE_ROWS.get(name, ()):
        for column, (_, values) in enumerate(want):
            values[row] = got[column][1][row] if len(got) > column and len(got[column][1]) > row else None
    return columns_difference(got, want)


def paired(columns):
    """The documentation of PAIRS: the columns of a pair are equal."""
    values = dict(columns)
    for name in values:
        if name.endswith("_byte_stream_split"):
            found = column_difference(values[name], values[name.replace("_byte_stream_split", "_plain")])
            demand(found is None, f"column {name}{found}")


# ---- one file ----


class Verdict:
    """state: right, refused rightly, wrong, refused wrongly."""

    def __init__(self, path, state, witnesses="", detail=""):
        self.name, self.folder, self.state, self.witnesses = path.name, path.parent.name, state, witnesses
        self.detail = detail.replace(str(path), path.name)

    def fine(self):
        return self.state in ("right", "refused rightly")


class Witnesses:
    """What is known of a file's values, and who agrees with some columns."""

    def __init__(self, path):
        self.path, self.shape = path, shape_of(path)
        self.expected = expectation(path, self.shape)
        self.read = {peer: read_with(peer, path, self.shape) for peer in PEERS}

    def empty(self):
        return [(child.name, []) for child in self.shape.children]

    def judge(self, got, leave_out=None):
        """(right?, who agrees, what is wrong or noteworthy)."""
        got = self.empty() if got is None else got
        agree, differ = [], []
        if self.expected:
            found = unexpected(got, self.expected, self.path.name)
            (differ if found else agree).append(f"expectation: {found}" if found else "expectation")
            if found:
                return False, agree, differ[0]
        for peer in PEERS:
            columns, why = self.read[peer]
            found = why or columns_difference(got, columns)
            if peer != leave_out:
                (differ if found else agree).append(f"{peer}: {found}" if found else peer)
        if self.path.name == PAIRS:
            try:
                paired(got)
                agree.append("pairs")
            except Failure as why:
                return False, agree, str(why)
        return "expectation" in agree or len(agree) >= 2, agree, "; ".join(differ)


def judge_good(tickloom, path):
    try:
        out = tickloom.must("cat", path, "--format", "jsonl")
    except Refused as why:
        fair = path.name in REFUSED | OPTIONAL
        well = well_refused(why, path)
        return Verdict(path, "refused rightly" if fair and not well else "refused wrongly", "", "; ".join(filter(None, [well, str(why)])))
    if path.name in REFUSED:
        return Verdict(path, "wrong", "", "is read, though a CRC does not match")
    witnesses = Witnesses(path)
    right, agree, detail = witnesses.judge(parsed(out))
    return Verdict(path, "right" if right else "wrong", "+".join(agree), detail)


def well_refused(why, path):
    """What is wrong with a refusal, or None."""
    if why.code not in (4, 5):
        return f"exit code {why.code}, expected 4 or 5"
    return None if path.name in str(why) else "the message does not name the file"


def judge_huge(tickloom, path):
    """Two rows, each a map of 2^30 times the letter a to 1: its text is looked at as it comes."""
    row = [b'{"arr":[{"key":"', b"a" * 2**20, b'","value":1}]}\n']
    command = [tickloom.binary, "cat", str(path), "--format", "jsonl"]
    limit = tickloom.limit if tickloom.memory else None
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit) as child:
        watchdog = threading.Timer(SECONDS, child.kill)
        watchdog.start()
        same = True
        for part in row[:1] + row[1:2] * 1024 + row[2:] + row[:1] + row[1:2] * 1024 + row[2:]:
            same = same and child.stdout.read(len(part)) == part
        rest = child.stdout.read(1)
        message = child.stderr.read().decode(errors="replace").strip()
        code = child.wait()
        watchdog.cancel()
    if code == 0:
        return Verdict(path, "right" if same and not rest else "wrong", "expectation", "" if same else "other text than the documentation says")
    if code not in (4, 5) or not message:
        return Verdict(path, "wrong", "", f"exit code {code}: {message[:300]}")
    well = well_refused(Refused(code, message), path)
    return Verdict(path, "refused wrongly" if well else "refused rightly", "", "; ".join(filter(None, [well, message])))


def judge_bad(tickloom, path):
    try:
        out = tickloom.must("cat", path, "--format", "jsonl")
    except Refused as why:
        well = well_refused(why, path)
        return Verdict(path, "refused wrongly" if well else "refused rightly", "", "; ".join(filter(None, [well, str(why)])))
    if path.name not in OPTIONAL:
        return Verdict(path, "wrong", "", f"is read, {len(out.splitlines())} rows")
    right, agree, detail = Witnesses(path).judge(parsed(out))
    return Verdict(path, "right" if right else "wrong", "+".join(agree), detail)


def judge(tickloom, path):
    chosen = judge_huge if path.name == HUGE else judge_good if path.parent.name == "good" else judge_bad
    try:
        return chosen(tickloom, path)
    except Exception as why:  # one file must not hide the others
        return Verdict(path, "wrong", "", ("" if isinstance(why, Failure) else f"{type(why).__name__}: ") + str(why))


# ---- the other readers' own score ----


def judge_peer(peer, path):
    """By the same rules: right against the expectation or two others; what must be refused must be."""
    if path.parent.name == "bad" or path.name in REFUSED:
        read = refuses(peer, path)
        return read if path.name not in OPTIONAL else True
    if path.name == HUGE:
        return None  # not tried
    witnesses = Witnesses(path)
    columns, _ = witnesses.read[peer]
    if columns is None:
        return path.name in OPTIONAL
    return witnesses.judge(columns, leave_out=peer)[0]


def refuses(peer, path):
    try:
        return read_with(peer, path, shape_of(path))[0] is None
    except Exception:  # the footer itself is bad
        return True


def peer_scores(paths):
    out = {}
    for peer in PEERS:
        results = [(p.parent.name, judge_peer(peer, p)) for p in paths]
        tried = {folder: [r for f, r in results if f == folder and r is not None] for folder in ("good", "bad")}
        out[peer] = {folder: [sum(map(bool, r)), len(r)] for folder, r in tried.items()}
    return out


# ---- what is printed ----


def total(verdicts, folder, wanted):
    mine = [v for v in verdicts if v.folder == folder]
    return sum(v.fine() for v in mine), max(len(mine), wanted)


def print_table(verdicts, peers):
    width = max(len(v.name) for v in verdicts)
    for v in verdicts:
        detail = " ".join(v.detail.split())[: 110 if v.fine() else 400]
        print(f"{v.folder:4}  {v.name:{width}}  {v.state:15}  {v.witnesses:28}  {detail}".rstrip())
    for peer, score in peers.items():
        print(f"{peer}: good {score['good'][0]} of {score['good'][1]}, bad {score['bad'][0]} of {score['bad'][1]}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--readers", action="store_true")
    parser.add_argument("--no-limits", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    return parser.parse_args()


def files_of(options):
    folder = options.folder / "parquet_files" if (options.folder / "parquet_files").is_dir() else options.folder
    if not (folder / "good").is_dir():
        skip(f"there is no folder good in {options.folder}")
    for needed in PEERS:
        if importlib.util.find_spec(needed) is None:
            skip(f"{needed} cannot be imported (pyarrow, DuckDB and polars are needed)")
    paths = sorted((folder / "good").glob("*.parquet")) + sorted((folder / "bad").glob("*.parquet"))
    return [p for p in paths if not options.only or any(text in p.name for text in options.only)]


def main():
    options = arguments()
    tickloom = Tickloom(options.binary, SECONDS, None if options.no_limits else MEMORY)
    paths = files_of(options)
    verdicts = [judge(tickloom, path) for path in paths]
    peers = peer_scores(paths) if options.readers else {}
    wanted = (0, 0) if options.only else (GOOD, BAD)
    good, bad = total(verdicts, "good", wanted[0]), total(verdicts, "bad", wanted[1])
    all_fine = good[0] == good[1] and bad[0] == bad[1]
    line = f"good {good[0]} of {good[1]}, bad {bad[0]} of {bad[1]}"
    if options.json:
        listed = [{"file": f"{v.folder}/{v.name}", "state": v.state, "witnesses": [w for w in v.witnesses.split("+") if w], "detail": v.detail} for v in verdicts]
        print(json.dumps({"files": listed, "good": list(good), "bad": list(bad), "readers": peers, "ok": all_fine}, indent=1, ensure_ascii=False))
    else:
        print_table(verdicts, peers)
        print(line)
    sys.exit(0 if all_fine else 1)


if __name__ == "__main__":
    os.environ["RUST_BACKTRACE"] = "0"
    main()
