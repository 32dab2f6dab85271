"""Forged files, as seen from outside: hostile.py TICKLOOM

A few hundred bytes that ask for gigabytes, say more than they hold, or unfold without end. Whatever they are, every command ends soon,
within 2 GB of address space, with exit 0 (they are legal after all), 4 (bad data) or 5 (too much), and where it is not 0 with a message.
Legal ones must be answered. The files are made here, byte by byte, by parquet_fixture's thrift."""
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from parquet_fixture import BINARY, BOOL, I32, I64, LIST, STRUCT, structure, varint, zigzag  # noqa: E402

TICKLOOM = os.path.abspath(sys.argv[1])
ADDRESS_SPACE, SECONDS = 2_000_000_000, 20
INT32, INT64, DOUBLE, BYTES, FIXED = 1, 2, 5, 6, 7
NONE, SNAPPY, GZIP, BROTLI, ZSTD, LZ4_RAW = 0, 1, 2, 4, 6, 7
PLAIN, RLE, DELTA, DELTA_LENGTH, DELTA_BYTES, CODES = 0, 3, 5, 6, 7, 8
REQUIRED, OPTIONAL, REPEATED = 0, 1, 2
MOST = 2**31 - 1
with open(TICKLOOM, "rb") as binary:
    SANITIZER = re.search(rb"__asan_init|__tsan_init", binary.read())


# ---- files by hand ----


def element(name, physical=None, repetition=REQUIRED, children=None, converted=None, width=None):
    return [(1, I32, physical), (2, I32, width), (3, I32, repetition), (4, BINARY, name), (5, I32, children), (6, I32, converted)]


def header(kind, size, stored, about):
    return structure([(1, I32, kind), (2, I32, size), (3, I32, stored), about])


def data_page(values, body, encoding=PLAIN, size=None):
    return header(0, len(body) if size is None else size, len(body), (5, STRUCT, [(1, I32, values), (2, I32, encoding), (3, I32, RLE), (4, I32, RLE)])) + body


def data_page_v2(values, body, encoding=PLAIN, nulls=0, rows=None, definition=0, repetition=0, size=None):
    about = [(1, I32, values), (2, I32, nulls), (3, I32, values if rows is None else rows), (4, I32, encoding), (5, I32, definition), (6, I32, repetition), (7, BOOL, True)]
    return header(3, len(body) if size is None else size, len(body), (8, STRUCT, about)) + body


def dictionary_page(values, body, size=None):
    return header(2, len(body) if size is None else size, len(body), (7, STRUCT, [(1, I32, values), (2, I32, PLAIN)])) + body


def run(value, count, width=1):
    return varint(count << 1) + bytes([value]) * width


def levels(data):
    return struct.pack("<I", len(data)) + data


def chunk_of(path, physical, pages, values, codec=NONE, at=4, **more):
    meta = [(1, I32, physical), (2, LIST, (I32, [PLAIN])), (3, LIST, (BINARY, path)), (4, I32, codec), (5, I64, values), (6, I64, len(pages)), (7, I64, len(pages)), (9, I64, at)]
    meta += [(11, I64, more["dictionary"])] if "dictionary" in more else []
    return [(2, I64, 0), (3, STRUCT, meta)] + more.get("indexes", [])


def whole(body, elements, chunks, rows, groups=None):
    schema = [[(4, BINARY, "schema"), (5, I32, sum(1 for e in elements[:1]) if elements and elements[0][4][2] else len(elements))]] + elements
    groups = groups or [[(1, LIST, (STRUCT, chunks)), (2, I64, len(body)), (3, I64, rows)]]
    total = sum(g[-1][2] for g in groups)
    footer = structure([(1, I32, 1), (2, LIST, (STRUCT, schema)), (3, I64, total), (4, LIST, (STRUCT, groups))])
    return b"PAR1" + body + footer + struct.pack("<I", len(footer)) + b"PAR1"


def flat(pages, rows, physical=INT64, repetition=REQUIRED, codec=NONE, values=None, width=None, converted=None, **more):
    return whole(pages, [element("x", physical, repetition, width=width, converted=converted)], [chunk_of(["x"], physical, pages, rows if values is None else values, codec, **more)], rows)


def raw_footer(footer):
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def list_of_int64(pages, rows, values):
    elements = [element("x", None, OPTIONAL, 1, 3), element("list", None, REPEATED, 1), element("element", INT64, OPTIONAL)]
    return whole(pages, elements, [chunk_of(["x", "list", "element"], INT64, pages, values)], rows)


# ---- bombs ----


def gzip_bomb(size):
    maker = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join(maker.compress(block) for _ in range(size >> 20)) + maker.flush()


def zstd_bomb(size):
    """A frame of blocks that repeat one byte, 128 KB each, in four bytes."""
    blocks, out = size >> 17, b""
    for i in range(blocks):
        out += struct.pack("<I", (1 << 17) << 3 | 1 << 1 | (i == blocks - 1))[:3] + b"\0"
    return struct.pack("<I", 0xFD2FB528) + bytes([0xE0]) + struct.pack("<Q", size) + out


def brotli_bomb(size):
    """Meta-blocks that repeat a byte need a real encoder; what says so and then lies must be refused all the same."""
    return bytes([0x8B]) + struct.pack("<I", size)[:3] + b"\x80\x00\x00\x03" * 900


# ---- trying ----


def limits():
    if not SANITIZER:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


class Hostile(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def tickloom(self, *args):
        begin = time.monotonic()
        with tempfile.TemporaryFile() as out:
            done = subprocess.run([TICKLOOM, *map(str, args)], stdout=out, stderr=subprocess.PIPE, preexec_fn=limits, timeout=SECONDS * (4 if SANITIZER else 1))
            out.seek(0)
            text = out.read(1 << 20).decode(errors="replace")
        message = done.stderr.decode(errors="replace")
        what = "%s: exit %d after %.1f s\n%s" % (" ".join(map(str, args)), done.returncode, time.monotonic() - begin, message)
        self.assertIn(done.returncode, (0, 4, 5), what)
        self.assertTrue(done.returncode == 0 or re.match(r"tickloom\S*:? .", message) or len(message) > 10, what)
        return done.returncode, text, message

    def attempt(self, data, codes=None, says=None, commands=None, nested=False, value="5"):
        """Every reading command; the answers of `stats` and of the first rows."""
        path = os.path.join(self.folder.name, "x.parquet")
        with open(path, "wb") as file:
            file.write(data)
        answers = {}
        commands = commands or {
            "stats": ["stats", path, "--json"],
            "rows": ["cat", path, "--rows", "0..3", "--format", "jsonl"],
            "where": ["cat", path, "--rows", "0..3", "--where", "x is null", "--format", "jsonl"],
            "inspect": ["inspect", path],
            "rewrite": ["rewrite", path, os.path.join(self.folder.name, "out.parquet"), "--force", "--where", "x == %s" % value],
        }
        for name in ("where", "rewrite") if nested else ():
            commands.pop(name, None)
        for name, command in commands.items():
            if name == "rewrite" and codes == (0,):
                continue  # legal and long: as long as its rows
            code, text, message = self.tickloom(*command)
            answers[name] = text
            if codes is not None and name in ("stats", "rows"):
                self.assertIn(code, codes, "%s: %s" % (name, message))
            if says is not None and code != 0 and name in ("stats", "rows"):
                self.assertRegex(message, says)
        return answers

    # counts

    def test_values_that_are_not_there(self):
        for physical in (INT32, INT64, DOUBLE, BYTES):
            self.attempt(flat(data_page(MOST, b"\1" * 8), MOST, physical), (4,), "page", value='"5"' if physical == BYTES else "5")
        self.attempt(flat(data_page(MOST, b"\1" * 8), MOST, FIXED, width=1 << 20), (4, 5), value="'05'")

    def test_rows_that_no_page_holds(self):
        for rows in (10**9, 10**12, 2**62):
            self.assertIn(self.attempt(flat(data_page(3, b"\1" * 24), rows), (0, 4))["rows"].count("\n"), (0, 3))
            self.attempt(flat(b"", rows), (4,))
            for command in ("stats", "hash", "check"):
                self.assertEqual(self.tickloom(command, os.path.join(self.folder.name, "x.parquet"))[0], 4)

    def test_rows_without_columns(self):
        self.attempt(whole(b"", [], [], 2**62), (4,))

    def test_groups_without_end(self):
        footer = structure([(1, I32, 1), (2, LIST, (STRUCT, [element("schema", children=1), element("x", INT64)]))])[:-1]
        self.attempt(raw_footer(footer + b"\x29\xfc" + varint(MOST)), (4,))
        self.attempt(raw_footer(b"\x29\xfc" + varint(MOST) + b"\0" * 100), (4,))

    def test_sizes_that_lie(self):
        page = header(0, MOST, MOST, (5, STRUCT, [(1, I32, 3), (2, I32, PLAIN), (3, I32, RLE), (4, I32, RLE)]))
        self.attempt(flat(page, 3), (4,))
        for codec in (SNAPPY, GZIP, BROTLI, ZSTD, LZ4_RAW):
            self.attempt(flat(data_page(3, b"\1" * 8, size=MOST), 3, codec=codec), (4, 5), "page|memory")

    def test_dictionary_of_a_gigabyte(self):
        for values, size in ((3, 1 << 30), (1 << 27, 1 << 30), (MOST, 8)):
            pages = dictionary_page(values, b"\1" * 8, size) + data_page(3, b"\1" + run(0, 3), CODES)
            self.attempt(flat(pages, 3, codec=ZSTD), (4, 5))
            self.attempt(flat(pages, 3), (4, 5))

    def test_widths_of_codes(self):
        dictionary = dictionary_page(2, struct.pack("<qq", 5, 6))
        for width in (33, 64, 255):
            self.attempt(flat(dictionary + data_page(3, bytes([width]) + b"\7" + bytes(64), CODES), 3), (4,), "bit width")
        answers = self.attempt(flat(dictionary + data_page(3, b"\0" + varint(1 << 1 | 1), CODES), 3), (0,))
        self.assertEqual(answers["rows"], '{"x":5}\n' * 3)

    # long and legal

    def test_a_page_of_missing_values(self):
        for pages in (data_page(MOST, levels(run(0, MOST))), data_page_v2(MOST, run(0, MOST), nulls=MOST, definition=len(run(0, MOST)))):
            answers = self.attempt(flat(pages, MOST, INT64, OPTIONAL), (0,))
            self.assertIn('"missing": %d' % MOST, answers["stats"])
            self.assertEqual(answers["rows"], '{"x":null}\n' * 3)

    def test_pages_of_missing_values_without_end(self):
        page = data_page(MOST, levels(run(0, MOST)))
        answers = self.attempt(flat(page * 3000, MOST * 3000, INT64, OPTIONAL), (0,))
        self.assertIn('"missing": %d' % (MOST * 3000), answers["stats"])

    def test_more_rows_than_the_pages_have(self):
        page = data_page(MOST, levels(run(0, MOST)))
        path = os.path.join(self.folder.name, "x.parquet")
        answers = {"all": ["cat", path, "--format", "jsonl"], "rows": ["cat", path, "--rows", "0..3", "--format", "jsonl"]}
        for claimed in (2 * MOST, 1000 * MOST):  # nothing is printed of what is not there
            for command in answers.values():
                with open(path, "wb") as f:
                    f.write(flat(page + b"\0" * 20000, claimed, INT64, OPTIONAL))
                code, text, message = self.tickloom(*command)
                self.assertEqual((code, text), (4, ""), message)

    def test_a_long_run_of_one_code(self):
        rows = 500_000_000
        pages = dictionary_page(1, struct.pack("<q", 7)) + data_page(rows, b"\1" + run(0, rows), CODES)
        answers = self.attempt(flat(pages, rows), (0,))
        self.assertIn('"sum": %d' % (7 * rows), answers["stats"])
        self.assertEqual(answers["rows"], '{"x":7}\n' * 3)
        path = os.path.join(self.folder.name, "x.parquet")
        for first in (3, 10**8, rows - 3):
            begin = time.monotonic()
            self.assertEqual(self.tickloom("cat", path, "--rows", "%d..%d" % (first, first + 3), "--format", "jsonl")[1], '{"x":7}\n' * 3)
            self.assertLess(time.monotonic() - begin, 10 if SANITIZER else 2)

    def test_codes_of_no_bits(self):
        groups = 2**26
        pages = dictionary_page(1, struct.pack("<q", 7)) + data_page(groups * 8, b"\0" + varint(groups << 1 | 1), CODES)
        self.assertIn('"sum": %d' % (7 * groups * 8), self.attempt(flat(pages, groups * 8), (0,))["stats"])

    # levels and runs

    def test_runs_longer_than_the_page(self):
        body = levels(run(1, MOST, 1)) + struct.pack("<qqq", 1, 2, 3)
        self.assertEqual(self.attempt(flat(data_page(3, body), 3, INT64, OPTIONAL), (0, 4))["rows"].count("\n"), 3)
        self.attempt(flat(data_page(3, levels(run(2, 3)) + bytes(24)), 3, INT64, OPTIONAL), (4,), "level")
        self.attempt(flat(data_page(3, levels(run(0, 2))), 3, INT64, OPTIONAL), (4,), "end")
        self.attempt(flat(data_page(3, struct.pack("<I", MOST)), 3, INT64, OPTIONAL), (4,), "level")

    def test_a_row_of_a_list_without_end(self):
        for definition in (3, 2):
            first, rest = run(0, 1) + run(1, MOST - 1), run(definition, MOST)
            body = levels(first) + levels(rest) + bytes(64)
            self.attempt(list_of_int64(data_page(MOST, body), 1, MOST), (4, 5), "memory|page", nested=True)

    def test_lists_that_begin_inside_of_a_row(self):
        self.attempt(list_of_int64(data_page(3, levels(run(1, 3)) + levels(run(3, 3)) + bytes(24)), 1, 3), (4,), "row", nested=True)
        self.attempt(list_of_int64(data_page(3, levels(run(0, 1) + run(1, 2)) + levels(run(0, 3)) + bytes(24)), 1, 3), (4,), "list", nested=True)

    # DELTA

    def test_delta_counts(self):
        def head(block, miniblocks, total):
            return varint(block) + varint(miniblocks) + varint(total) + zigzag(5)

        for total in (3, 10**6, 2**31 - 1, 2**31, 2**63):
            self.attempt(flat(data_page(3, head(128, 4, total), DELTA), 3), (4, 5))
        for block, miniblocks in ((0, 0), (128, 0), (1 << 40, 1), (100, 3), (128, 1 << 30)):
            self.attempt(flat(data_page(3, head(block, miniblocks, 3) + b"\0" * 40, DELTA), 3), (4,), "delta")
        self.attempt(flat(data_page(MOST, head(1 << 20, 1, MOST) + b"\0\0" * 2048, DELTA), MOST), (4, 5))
        for encoding in (DELTA_LENGTH, DELTA_BYTES):
            self.attempt(flat(data_page(MOST, head(1 << 20, 1, MOST) + b"\0\0" * 2048, encoding), MOST, BYTES), (4, 5), value='"5"')

    def test_texts_that_grow(self):
        """Each takes all of the one before and a byte more; each is a copy of one long entry."""
        count = 100_000
        prefixes = varint(128) + varint(4) + varint(count) + zigzag(0) + (zigzag(1) + b"\0\0\0\0") * (count // 128 + 1)
        suffixes = varint(128) + varint(4) + varint(count) + zigzag(1) + (zigzag(0) + b"\0\0\0\0") * (count // 128 + 1)
        self.attempt(flat(data_page(count, prefixes + suffixes + b"a" * count, DELTA_BYTES), count, BYTES), (0, 5), value='"5"')
        long = dictionary_page(1, struct.pack("<I", 1 << 20) + b"a" * (1 << 20))
        rows = 2**27
        self.attempt(flat(long + data_page(rows, b"\1" + run(0, rows), CODES), rows, BYTES), (0, 5), value='"5"')

    # codecs

    def test_bombs(self):
        claims = 64 << 20
        for codec, bomb in ((GZIP, gzip_bomb(256 << 20)), (ZSTD, zstd_bomb(4 << 30)), (BROTLI, brotli_bomb(4 << 20))):
            for size in (24, claims, MOST):
                self.attempt(flat(data_page(3, bomb, size=size), 3, codec=codec), (4, 5))
        self.attempt(flat(data_page(claims // 8, zstd_bomb(claims), size=claims), claims // 8, codec=ZSTD), (0,))

    # footers

    def test_schemas(self):
        deep = [element("x", None, OPTIONAL, 1) for _ in range(5000)] + [element("x", INT64)]
        self.attempt(whole(b"", deep, [], 0), (4,), "nested")
        for children in (-1, 10, MOST):
            self.attempt(whole(b"", [element("x", None, OPTIONAL, children), element("y", INT64)], [], 0), (4,))
        self.attempt(whole(b"", [element("x", FIXED, width=MOST)], [], 0), (4,))

    def test_paths_that_multiply(self):
        many = 100_000
        elements = [element("a" * 100_000, None, OPTIONAL, many)] + [element("", INT64, OPTIONAL) for _ in range(many)]
        self.attempt(whole(b"", elements, [], 0, groups=[[(3, I64, 0)]]), (4, 5))

    def test_many_columns(self):
        many = 50_000
        elements = [element("same_beginning_of_a_name_%d" % i, INT64, OPTIONAL) for i in range(many)]
        schema = [[(4, BINARY, "schema"), (5, I32, many)]] + elements
        self.attempt(raw_footer(structure([(1, I32, 1), (2, LIST, (STRUCT, schema)), (3, I64, 0), (4, LIST, (STRUCT, []))])), (0, 4, 5), nested=True)

    # indexes

    def indexed(self, places, pages=4, step=20000, data_offset=4, **more):
        body = b"".join(data_page(step, struct.pack("<%dq" % step, *range(i * step, (i + 1) * step))) for i in range(pages))
        places = places(len(body) // pages, step)
        index = structure([(1, LIST, (STRUCT, [[(1, I64, offset), (2, I32, size), (3, I64, row)] for offset, size, row in places]))])
        chunk = chunk_of(["x"], INT64, body, pages * step, at=data_offset, indexes=[(4, I64, 4 + len(body)), (5, I32, len(index))], **more)
        return whole(body + index, [element("x", INT64)], [chunk], pages * step)

    def test_offset_indexes_that_lie(self):
        command = {"rows": ["cat", os.path.join(self.folder.name, "x.parquet"), "--rows", "60000..60003", "--format", "jsonl"]}
        right = '{"x":60000}\n{"x":60001}\n{"x":60002}\n'
        honest = self.indexed(lambda size, step: [(4 + i * size, size, i * step) for i in range(4)])
        self.assertEqual(self.attempt(honest, (0,), commands=command)["rows"], right)
        lies = [
            lambda size, step: [(4, size, 0), (4 + 2 * size, size, step), (4 + size, size, 2 * step), (4 + 3 * size, size, 3 * step)],
            lambda size, step: [(4 + i * size, size, (3 - i) * step) for i in range(4)],
            lambda size, step: [(4 + i * size, size, i * step // 2) for i in range(4)],
            lambda size, step: [(4, size, 0), (4 + size, size, 3 * step)],
            lambda size, step: [(4, size, 0), (4 + 3 * size, size, step)],
            lambda size, step: [(4, size, 0), (5 + 3 * size, size, 3 * step)],
            lambda size, step: [(4, size, 0), (2**62, size, 3 * step)],
            lambda size, step: [(4, size, 0), (4 + size, 2**31 - 1, 3 * step)],
            lambda size, step: [(-4, size, 0), (4 + size, size, 3 * step)],
        ]
        for lie in lies:
            self.assertIn(self.attempt(self.indexed(lie), (4,), commands=command)["rows"], ("", right))

    def test_an_index_of_pages_behind_the_file(self):
        """The chunk begins with its dictionary, they say, and its pages lie where no byte of the file is."""
        command = {"rows": ["cat", os.path.join(self.folder.name, "x.parquet"), "--rows", "60000..60003", "--format", "jsonl"]}
        for far in (10**6, 2**40, 2**63 - 10**6):
            places = lambda size, step: [(far + i * 1000, 1000, i * step) for i in range(4)]  # noqa: E731
            self.attempt(self.indexed(places, data_offset=far, dictionary=4), (0, 4), commands=command)
            self.attempt(self.indexed(places, 2, 1, data_offset=far, dictionary=4), None)

    def test_indexes_that_lie_elsewhere(self):
        page = data_page(3, struct.pack("<qqq", 1, 2, 3))
        for offset, size in ((0, 10), (-1, 10), (10, -1), (10, MOST), (2**62, 10), (2**63 - 1, MOST), (4, 40)):
            for fields in ([(4, I64, offset), (5, I32, size)], [(6, I64, offset), (7, I32, size)]):
                chunk = chunk_of(["x"], INT64, page, 3, indexes=fields)
                self.attempt(whole(page, [element("x", INT64)], [chunk], 3), None)
        for at, dictionary in ((2**63 - 1, 4), (2**62, 4), (-5, 4), (4, 2**62), (4, -3)):
            self.attempt(flat(page, 3, at=at, dictionary=dictionary), None)


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    unittest.main(argv=[sys.argv[0], "-q"])
