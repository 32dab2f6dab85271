"""Slow, obvious oracle for the option tape and the tick strategy, written from the design text alone: names, calendar, packed rows, trades.

A tape is a dictionary (date, underlying) -> list of rows in tape order; a row is a dictionary of the columns which its raw file has, plus
those that packing adds. A column that a row lacks is null. Everything is plain Python: a value in a list, a loop, a comparison.

Readings of the text, where it leaves room:
 R1 A pattern reads a whole name or nothing, in any case; two-digit years are 20yy. Strikes are the nearest double of the decimal text.
 R2 Two digits after the month are a day only if at least one digit is left for the strike.
 R3 Names that carry their whole date (OCC, Deribit, patterns with a day) must find that date in the calendar, which says weekly or monthly;
    a numeric weekly must find a weekly. `year` and `month` are those of the name.
 R4 Two readings differ if underlying, expiry date, type or strike differ. A reading without its expiry in the calendar still counts as one.
 R5 Sequences are equal if all their raw values are (null is null, NaN is NaN, 0.0 is not -0.0), as the tape holds them; vol_delta follows from
    the rest. Of three files each group is compared with the next later one, as if the files were merged one after the other.
 R6 A row without a volume column is passed over by vol_delta, as one with a missing volume is. The first volume of a contract's day counts 0.
 R7 NaN in a raw price stays NaN in the tape; the strategy takes it as missing. NaN as a quantity is not integral and fails the file.
 R8 mid = (bid + ask) / 2, relative spread = (ask - bid) / mid, 5 bps = 0.0005: the text of ema_cross.loom.
"""
import calendar as months_of
import csv
import datetime
import itertools
import math
import os
import re

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

PRICES = ["price", "avgPrice", "open", "high", "low", "close", "changeper"]
LEVELS = range(5)
BOOK_PRICES = ["%s%d" % (side, i) for side in ("bp", "sp") for i in LEVELS]
BOOK_SIZES = ["%s%d" % (side, i) for side in ("bq", "sq", "bo", "so") for i in LEVELS]
DOUBLES = PRICES + BOOK_PRICES
QUANTITIES = ["volume", "qty", "oi"] + BOOK_SIZES
KINDS = {"expiry": pa.date32(), "opt_type": pa.string(), "strike": pa.float64(), "timestamp": pa.int64(), "expiry_type": pa.string(), "is_monthly": pa.bool_(),
         "is_weekly": pa.bool_(), "year": pa.int16(), "month": pa.int16()}
KINDS.update({name: pa.float64() for name in PRICES})
KINDS.update({name: pa.int64() for name in ("volume", "vol_delta", "qty", "oi")})
KINDS.update({name: pa.float64() for name in BOOK_PRICES})
KINDS.update({name: pa.int64() for name in BOOK_SIZES})
COLUMNS = list(KINDS)
CHECKED = ["underlying", "expiry", "opt_type", "strike"]  # a raw column of this name must say what the name says
DAY = 86400 * 10**9
MONTHS = {name.lower(): i for i, name in enumerate(months_of.month_abbr) if name}


class Refused(Exception):
    """A file that is not packed: the reason, and the row if there is one."""

    def __init__(self, reason, row=None):
        super().__init__(reason)
        self.reason, self.row = reason, row


class BadCalendar(Exception):
    pass


# ---- calendar ----


class Calendar:
    """underlying, year, month, expiry_type, expiry_date; case is ignored."""

    def __init__(self, path):
        self.monthly, self.weekly, self.kinds = {}, set(), {}
        with open(path, newline="") as file:
            for line in csv.DictReader(file):
                name, kind = line["underlying"].strip().upper(), line["expiry_type"].strip().lower()
                year, month, date = int(line["year"]), int(line["month"]), datetime.date.fromisoformat(line["expiry_date"].strip())
                if kind == "monthly":
                    if self.monthly.setdefault((name, year, month), date) != date:
                        raise BadCalendar("%s %d-%02d has two monthly dates" % (name, year, month))
                else:
                    self.weekly.add((name, year, month, date))
                self.kinds[name, date] = kind

    def weekly_on(self, underlying, year, month, day):
        """The weekly of that month on that day of it, or None."""
        return next((d for n, y, m, d in self.weekly if (n, y, m, d.day) == (underlying, year, month, day)), None)


# ---- names ----
# A reading is (underlying, opt_type, strike, year, month, day or None, kind or None): without a day it is the monthly of its month, with one
# the calendar says what it is, and kind = "weekly" demands that it is a weekly.

TYPES = {"c": "CE", "p": "PE", "ce": "CE", "pe": "PE"}
MON = "|".join(MONTHS)


def decimal(text):
    return float(text.lower().replace("p", ".").replace("d", "."))


def read_nse(name, calendar):
    """{underlying}{yy}{mon}[{dd}]{strike}{ce|pe}"""
    match = re.fullmatch(r"([a-z][a-z0-9&_.-]*)(\d\d)(%s)(\d+(?:p\d+)?)(ce|pe)" % MON, name, re.I)
    if not match:
        return None
    underlying, year, month, rest, kind = match[1].upper(), 2000 + int(match[2]), MONTHS[match[3].lower()], match[4], TYPES[match[5].lower()]
    weekly = re.fullmatch(r"(\d\d)(\d+(?:p\d+)?)", rest, re.I)
    if weekly and calendar.weekly_on(underlying, year, month, int(weekly[1])):
        return underlying, kind, decimal(weekly[2]), year, month, int(weekly[1]), "weekly"
    return underlying, kind, decimal(rest), year, month, None, None


def read_nse_numeric(name, calendar):
    """{letters}{yy}{m}{dd}{strike}{ce|pe}, m one of 1-9, o, n, d"""
    match = re.fullmatch(r"([a-z]+)(\d\d)([1-9ond])(\d\d)(\d+(?:p\d+)?)(ce|pe)", name, re.I)
    if not match:
        return None
    month = {"o": 10, "n": 11, "d": 12}.get(match[3].lower()) or int(match[3])
    return match[1].upper(), TYPES[match[6].lower()], decimal(match[5]), 2000 + int(match[2]), month, int(match[4]), "weekly"


def read_occ(name, calendar):
    """Root, blanks, yymmdd, C or P, strike in thousandths as 8 digits."""
    match = re.fullmatch(r"([a-z][a-z0-9]*?) *(\d\d)(\d\d)(\d\d)([cp])(\d{8})", name, re.I)
    if not match:
        return None
    return match[1].upper(), TYPES[match[5].lower()], int(match[6]) / 1000, 2000 + int(match[2]), int(match[3]), int(match[4]), None


def read_deribit(name, calendar):
    """BTC-27DEC24-49000-C, d as the decimal point of a strike"""
    match = re.fullmatch(r"([a-z0-9_]+)-(\d\d?)(%s)(\d\d)-(\d+(?:d\d+)?)-([cp])" % MON, name, re.I)
    if not match:
        return None
    return match[1].upper(), TYPES[match[6].lower()], decimal(match[5]), 2000 + int(match[4]), MONTHS[match[3].lower()], int(match[2]), None


BUILT_IN = [read_nse, read_nse_numeric, read_occ, read_deribit]
FIELDS = {"underlying": r"(?P<underlying>[a-z][a-z0-9&_.-]*?)", "yyyy": r"(?P<yyyy>\d{4})", "yy": r"(?P<yy>\d\d)", "mm": r"(?P<mm>\d\d)", "dd": r"(?P<dd>\d\d)",
          "mon": "(?P<mon>%s)" % MON, "strike": r"(?P<strike>\d+(?:p\d+)?)", "cp": "(?P<cp>ce|pe|c|p)"}


def pattern(text):
    """A line of a --patterns file, without its name, as a reader like those above. Fields: FIELDS; all else stands for itself."""
    parts = re.split(r"\{(\w+)\}", text)
    whole = re.compile("".join(FIELDS[p] if i % 2 else re.escape(p) for i, p in enumerate(parts)), re.I)

    def read(name, calendar):
        match = whole.fullmatch(name)
        if not match:
            return None
        got = match.groupdict()
        year = int(got["yyyy"]) if got.get("yyyy") else 2000 + int(got["yy"])
        month = int(got["mm"]) if got.get("mm") else MONTHS[got["mon"].lower()]
        return got["underlying"].upper(), TYPES[got["cp"].lower()], decimal(got["strike"]), year, month, int(got["dd"]) if got.get("dd") else None, None

    return read


class Contract:
    def __init__(self, reading, calendar):
        self.underlying, self.opt_type, self.strike, self.year, self.month, day, kind = reading
        if day is None:
            self.expiry, self.expiry_type = calendar.monthly.get((self.underlying, self.year, self.month)), "monthly"
        else:
            try:
                self.expiry = datetime.date(self.year, self.month, day)
            except ValueError:
                raise Refused("there is no day %d-%02d-%02d" % (self.year, self.month, day))
            self.expiry_type = calendar.kinds.get((self.underlying, self.expiry))
            if kind == "weekly":
                self.expiry, self.expiry_type = calendar.weekly_on(self.underlying, self.year, self.month, day), "weekly"
        if self.expiry is None or self.expiry_type is None:
            raise Refused("the calendar lacks the expiry of %s %d-%02d" % (self.underlying, self.year, self.month))

    def key(self):
        return self.underlying, self.expiry, self.opt_type, self.strike

    def columns(self):
        return {"expiry": self.expiry, "opt_type": self.opt_type, "strike": self.strike, "expiry_type": self.expiry_type,
                "is_monthly": self.expiry_type == "monthly", "is_weekly": self.expiry_type == "weekly", "year": self.year, "month": self.month}


def parse(name, calendar, patterns=()):
    """The contract of a file's stem; patterns are texts of a user's patterns, after the built-in ones."""
    readings = [r for r in (read(name, calendar) for read in BUILT_IN + [pattern(p) for p in patterns]) if r]
    if not readings:
        raise Refused("no pattern reads the name")
    first = readings[0]
    for other in readings[1:]:
        if expiry_of(other, calendar) != expiry_of(first, calendar) or other[:3] != first[:3]:
            raise Refused("the name is ambiguous")
    return Contract(first, calendar)


def expiry_of(reading, calendar):
    underlying, _, _, year, month, day, _ = reading
    return (year, month, day) if day else calendar.monthly.get((underlying, year, month), (year, month))


# ---- raw files ----


def round_percent(x):
    """nearbyint(100 x) / 100: half to even, the sign of zero kept."""
    if x is None or math.isnan(x) or math.isinf(100 * x):
        return x if x is None or math.isnan(x) else 100 * x / 100
    return math.copysign(float(round(100 * x)), x) / 100


def read_table(path):
    if path.endswith(".csv"):
        return pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
    return pq.read_table(path, partitioning=None)


def timestamps(column):
    if pa.types.is_timestamp(column.type):
        values = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_pylist()
    elif pa.types.is_integer(column.type):
        values = column.to_pylist()
        largest = max((abs(v) for v in values if v is not None), default=10**18)
        if largest < 10**17:
            raise Refused("timestamps read as %s" % ("ms" if largest < 10**14 else "us"), 0)
    else:
        raise Refused("timestamp is %s" % column.type)
    for row, value in enumerate(values):
        if value is None:
            raise Refused("timestamp is missing", row)
        if row and value < values[row - 1]:
            raise Refused("timestamps fall", row)
    return values


def doubles(name, column):
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise Refused("%s is %s" % (name, column.type))
    return [None if v is None else float(v) for v in column.to_pylist()]


def quantities(name, column):
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise Refused("%s is %s" % (name, column.type))
    values = column.to_pylist()
    for row, v in enumerate(values):
        if v is not None and (v != v or abs(v) >= 2**63 or v != int(v)):
            raise Refused("%s is no whole number" % name, row)
    return [None if v is None else int(v) for v in values]


def kind_of_extra(kind):
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    return pa.string() if pa.types.is_large_string(kind) else kind


def read_raw(path, contract):
    """The rows of a raw file as dictionaries, in file order, and the kinds of its extra columns."""
    table = read_table(path)
    for name in ("timestamp", "price"):
        if name not in table.column_names:
            raise Refused("there is no column %s" % name)
    columns, extras = {}, {}
    for name in table.column_names:
        column = table.column(name)
        if name == "timestamp":
            columns[name] = timestamps(column)
        elif name in DOUBLES:
            columns[name] = doubles(name, column)
        elif name in QUANTITIES:
            columns[name] = quantities(name, column)
        elif name in CHECKED:
            said = getattr(contract, name)
            for row, v in enumerate(column.to_pylist()):
                if v is not None and (v.upper() if name == "underlying" else v) != said:
                    raise Refused("%s is %r, the name says %r" % (name, v, said), row)
        elif name not in COLUMNS:
            extras[name] = kind_of_extra(column.type)
            columns[name] = [None if v is None else float(v) for v in column.to_pylist()] if extras[name] == pa.float64() else column.to_pylist()
    if "changeper" in columns:
        columns["changeper"] = [round_percent(v) for v in columns["changeper"]]
    names, more = list(columns), contract.columns()
    return [dict(zip(names, values), **more) for values in zip(*columns.values())], extras


# ---- the tape ----


def canonical(value):
    """Values that compare as the tape does: null is null, NaN is NaN, 0.0 is not -0.0."""
    return (value.hex() if value == value else "nan") if isinstance(value, float) else value


class Tape:
    """Rows by contract and timestamp; files come in one after the other, `partitions` are the sorted rows."""

    def __init__(self, calendar, patterns=()):
        self.calendar, self.patterns = calendar, patterns
        self.contracts, self.extras, self.failures = {}, {}, {}
        self.duplicates = self.conflicts = 0

    def add(self, path):
        """One raw file; a file that is refused adds nothing and stands in `failures`. Returns whether it was packed."""
        try:
            contract = parse(os.path.splitext(os.path.basename(path))[0], self.calendar, self.patterns)
            rows, extras = read_raw(path, contract)
        except Refused as why:
            self.failures[path] = why
            return False
        held = self.contracts.setdefault(contract.key(), {})
        for timestamp, group in itertools.groupby(rows, lambda row: row["timestamp"]):
            group = list(group)
            before = held.get(timestamp)
            if before is not None and self.same(before, group):
                self.duplicates += len(before)
            elif before is not None:
                self.conflicts += len(before)
            held[timestamp] = group
        for name, kind in extras.items():
            self.extras.setdefault(name, []).append((kind, {(r["timestamp"] // DAY, contract.underlying) for r in rows}))
        return True

    def add_folder(self, folder):
        """Every Parquet and CSV file of a folder, by path."""
        for name in sorted(os.listdir(folder), key=os.fsencode):
            if name.endswith((".parquet", ".csv")) and name != "expiry_calendar.csv":
                self.add(os.path.join(folder, name))
        return self

    @staticmethod
    def same(a, b):
        """Two groups of rows with equal values; a column that a file lacks is null."""
        if len(a) != len(b):
            return False
        return all(canonical(x.get(name)) == canonical(y.get(name)) for x, y in zip(a, b) for name in {*x, *y} if name != "vol_delta")

    def partitions(self):
        """(date, underlying) -> rows by expiry, opt_type, strike, timestamp, with vol_delta."""
        result = {}
        for (underlying, expiry, opt_type, strike), groups in sorted(self.contracts.items()):
            for timestamp in sorted(groups):
                date = datetime.date(1970, 1, 1) + datetime.timedelta(timestamp // DAY)
                result.setdefault((date, underlying), []).extend(groups[timestamp])
        for rows in result.values():
            for _, stream in itertools.groupby(rows, lambda r: (r["expiry"], r["opt_type"], r["strike"])):
                set_vol_delta(list(stream))
        return result

    def extras_of(self, date, underlying):
        """The extra columns of a day, by name."""
        day = (date - datetime.date(1970, 1, 1)).days
        return {name: kinds[0][0] for name, kinds in sorted(self.extras.items()) if any((day, underlying) in days for _, days in kinds)}

    def tables(self):
        """The partitions as Arrow tables, with the tape's columns in its order."""
        return {key: as_table(rows, self.extras_of(*key)) for key, rows in self.partitions().items()}


def set_vol_delta(rows):
    """The rows of one contract and day, in order."""
    last = None
    for row in rows:
        if "volume" not in row:
            row.pop("vol_delta", None)
            continue
        volume = row["volume"]
        row["vol_delta"] = 0 if volume is None or last is None else max(0, volume - last)
        if volume is not None:
            last = volume


def as_table(rows, extras):
    kinds = {**KINDS, **extras}
    return pa.table({name: pa.array([row.get(name) for row in rows], kind, from_pandas=False) for name, kind in kinds.items()})


def counts(partitions):
    """What a pack says of the rows of a tape: resets of volume, rows without price, without a side, crossed, equal timestamps."""
    missing = lambda v: v is None or v != v
    found = dict(resets=0, missing_prices=0, missing_sides=0, crossed=0, equal_timestamps=0)
    for rows in partitions.values():
        for _, stream in itertools.groupby(rows, lambda r: (r["expiry"], r["opt_type"], r["strike"])):
            last = at = None
            for row in stream:
                volume, bid, ask = row.get("volume"), row.get("bp0"), row.get("sp0")
                found["resets"] += volume is not None and last is not None and volume < last
                last = last if volume is None else volume
                found["missing_prices"] += missing(row["price"])
                found["missing_sides"] += missing(bid) or missing(ask)
                found["crossed"] += not missing(bid) and not missing(ask) and bid > ask
                found["equal_timestamps"] += row["timestamp"] == at
                at = row["timestamp"]
    return found


# ---- the tick strategy ----


def trades(partitions, fast=5, slow=21, where=lambda row: True, widest=0.0005):
    """All trades in trade order: (underlying, expiry, opt_type, strike, entry_timestamp, exit_timestamp, entry_price, exit_price, pnl).
    `where` picks rows (dictionaries, with date and underlying) before streams form; `widest` is the relative spread up to which entries are made."""
    found = []
    for (date, underlying), rows in partitions.items():
        chosen = [row for row in rows if where({**row, "date": date, "underlying": underlying})]
        for key, stream in itertools.groupby(chosen, lambda r: (underlying, r["expiry"], r["opt_type"], r["strike"])):
            found += stream_trades(key, [r for r in stream if r["price"] is not None and r["price"] == r["price"]], fast, slow, widest)
    # exit_timestamp, stream, entry; the trades of a stream are found in the order of their entries, and the sort is stable
    return sorted(found, key=lambda t: (t[5], t[:4]))


def stream_trades(key, ticks, fast, slow, widest):
    """One contract's day. Ticks are rows with a price."""
    a5, a21 = 2 / (fast + 1), 2 / (slow + 1)
    found, entry = [], None
    for i, row in enumerate(ticks):
        x = row["price"]
        if i == 0:
            e5 = e21 = x
            continue  # neither enters nor exits
        e5 = e5 + a5 * (x - e5)
        e21 = e21 + a21 * (x - e21)
        last = i == len(ticks) - 1
        if entry is None:
            if e5 > e21 and may_enter(row, widest):
                entry = row
                if last:
                    found.append(trade(key, entry, row))
        elif e21 >= e5 or last:
            found.append(trade(key, entry, row))
            entry = None
    return found


def may_enter(row, widest):
    bid, ask, volume = row.get("bp0"), row.get("sp0"), row.get("volume")
    if bid is None or ask is None or volume is None or not (bid > 0 and ask > 0 and volume >= 1):
        return False
    return (ask - bid) / ((bid + ask) / 2) <= widest


def trade(key, entry, exit):
    return (*key, entry["timestamp"], exit["timestamp"], entry["price"], exit["price"], exit["price"] - entry["price"])


def pnl(found):
    """The plain sum in trade order."""
    total = 0.0
    for t in found:
        total += t[8]
    return total


def by_contract(found):
    """(underlying, expiry, opt_type, strike) -> (trades, pnl)"""
    return {key: (len(group), pnl(group)) for key, group in grouped(found, lambda t: t[:4]).items()}


def by_day(found):
    """UTC day -> (trades, pnl)"""
    day = lambda t: datetime.date(1970, 1, 1) + datetime.timedelta(t[5] // DAY)
    return {key: (len(group), pnl(group)) for key, group in grouped(found, day).items()}


def grouped(items, key):
    result = {}
    for item in items:
        result.setdefault(key(item), []).append(item)
    return result
