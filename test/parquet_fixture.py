"""A small Parquet writer for tests: PLAIN, uncompressed, flat. It shares no code with the engine, so that the engine's reader is
tried on files which its own writer would never make: V2 data pages, tiny row groups and pages, checksums, columns of odd types.

write(path, [(name, kind, values), ...], ...): kind is one of KINDS; a None among the values makes the column optional.
A name "a.b" is the value b of a struct a, which holds no other.
Source: the Parquet format specification (thrift compact protocol; parquet.thrift)."""
import struct
import zlib

# kind -> (physical type, struct letter, converted type, logical type: field of the union and its content)
BOOLEAN, INT32, INT64, FLOAT, DOUBLE, BYTE_ARRAY = 0, 1, 2, 4, 5, 6
KINDS = {
    "bool": (BOOLEAN, None, None, None),
    "int32": (INT32, "i", None, None),
    "int64": (INT64, "q", None, None),
    "float": (FLOAT, "f", None, None),
    "double": (DOUBLE, "d", None, None),
    "bytes": (BYTE_ARRAY, None, None, None),
    "string": (BYTE_ARRAY, None, 0, (1, ())),
    "date": (INT32, "i", 6, (6, ())),
    "timestamp_us": (INT64, "q", 10, None),
}

# ---- thrift, compact protocol: a struct is a list of (field id, type, value) ----

I32, I64, BINARY, LIST, STRUCT, BOOL = 5, 6, 8, 9, 12, 1


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def encoded(kind, value):
    if kind in (I32, I64):
        return zigzag(value)
    if kind == BINARY:
        data = value if isinstance(value, bytes) else value.encode()
        return varint(len(data)) + data
    if kind == LIST:
        of, items = value
        head = bytes([len(items) << 4 | of]) if len(items) < 15 else bytes([0xF0 | of]) + varint(len(items))
        return head + b"".join(encoded(of, item) for item in items)
    return structure(value)


def structure(fields):
    out, last = bytearray(), 0
    for number, kind, value in fields:
        if value is None:
            continue
        tag = (1 if value else 2) if kind == BOOL else kind
        out += bytes([(number - last) << 4 | tag]) if 0 < number - last < 16 else bytes([tag]) + zigzag(number)
        out += b"" if kind == BOOL else encoded(kind, value)
        last = number
    return bytes(out + b"\0")


# ---- pages ----


def plain(kind, values):
    physical, letter, _, _ = KINDS[kind]
    if physical == BYTE_ARRAY:
        data = (v if isinstance(v, bytes) else v.encode() for v in values)
        return b"".join(struct.pack("<i", len(d)) + d for d in data)
    if physical == BOOLEAN:
        bits = sum(1 << i for i, v in enumerate(values) if v)
        return bits.to_bytes((len(values) + 7) // 8, "little")
    return struct.pack("<%d%s" % (len(values), letter), *values)


def levels(values):
    """Definition levels 0 and 1 in runs."""
    out, at = bytearray(), 0
    while at < len(values):
        end = at
        while end < len(values) and (values[end] is None) == (values[at] is None):
            end += 1
        out += varint((end - at) << 1) + bytes([values[at] is not None])
        at = end
    return bytes(out)


def page(kind, values, optional, version, crc):
    present = [v for v in values if v is not None]
    data, defined = plain(kind, present), levels(values) if optional else b""
    if version == 1:
        body = (struct.pack("<i", len(defined)) + defined if optional else b"") + data
        about = (5, STRUCT, [(1, I32, len(values)), (2, I32, 0), (3, I32, 3), (4, I32, 3)])
    else:
        body = defined + data
        about = (8, STRUCT, [(1, I32, len(values)), (2, I32, len(values) - len(present)), (3, I32, len(values)), (4, I32, 0), (5, I32, len(defined)), (6, I32, 0), (7, BOOL, False)])
    check = None if not crc else struct.unpack("<i", struct.pack("<I", zlib.crc32(body)))[0]
    return structure([(1, I32, 0 if version == 1 else 3), (2, I32, len(body)), (3, I32, len(body)), (4, I32, check), about]) + body


def schema(columns, optional):
    yield [(4, BINARY, "schema"), (5, I32, len(columns))]
    for name, kind, _ in columns:
        physical, _, converted, logical = KINDS[kind]
        logical = logical and [(logical[0], STRUCT, list(logical[1]))]
        *structs, own = name.split(".")
        for struct_name in structs:
            yield [(3, I32, 0), (4, BINARY, struct_name), (5, I32, 1)]
        yield [(1, I32, physical), (3, I32, int(name in optional)), (4, BINARY, own), (6, I32, converted), (10, STRUCT, logical)]


def write(path, columns, group_rows=None, page_rows=None, version=1, crc=False, sorting=None):
    """Writes a file; group_rows: of every row group, or a list of each one's; sorting: what every row group claims, [(column, descending, nulls first), ...].
    Returns where its page bodies lie: {column name: [(first byte, end), ...]}."""
    rows = len(columns[0][2]) if columns else 0
    optional = {name for name, _, values in columns if None in values}
    if not isinstance(group_rows, list):
        group_rows = [group_rows or max(rows, 1)] * rows
    places, groups = {name: [] for name, _, _ in columns}, []
    claim = sorting and (STRUCT, [[(1, I32, column), (2, BOOL, descending), (3, BOOL, first)] for column, descending, first in sorting])
    with open(path, "wb") as out:
        out.write(b"PAR1")
        first = 0
        for size in group_rows:
            count, chunks, begin = min(size, rows - first), [], out.tell()
            if count <= 0:
                break
            for name, kind, values in columns:
                at, step = out.tell(), page_rows or count
                for row in range(first, first + count, step):
                    part = values[row : min(row + step, first + count)]
                    data = page(kind, part, name in optional, version, crc)
                    out.write(data)
                    size = len(plain(kind, [v for v in part if v is not None]))
                    places[name].append((out.tell() - size, out.tell()))
                size = out.tell() - at
                chunks.append([(2, I64, 0), (3, STRUCT, [(1, I32, KINDS[kind][0]), (2, LIST, (I32, [0, 3])), (3, LIST, (BINARY, name.split("."))), (4, I32, 0), (5, I64, count), (6, I64, size), (7, I64, size), (9, I64, at)])])
            groups.append([(1, LIST, (STRUCT, chunks)), (2, I64, out.tell() - begin), (3, I64, count), (4, LIST, claim)])
            first += count
        footer = structure([(1, I32, version), (2, LIST, (STRUCT, list(schema(columns, optional)))), (3, I64, rows), (4, LIST, (STRUCT, groups)), (6, BINARY, "parquet_fixture")])
        out.write(footer + struct.pack("<i", len(footer)) + b"PAR1")
    return places
