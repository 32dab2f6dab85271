/* CSV to typed columns: what is sniffed, what is read, what every error says and on which line; the same whatever the size of blocks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/text.h"
#include "lake/csv.h"
#include "lake/csv_schema.h"
#include "lake/csv_value.h"
#include "sys/sys.h"
#include "test.h"

static tl_error err;
static char folder[64], path[128];
static const size_t blocks[] = {1, 7, 64, 0};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

static void write_bytes(const char *name, const char *data, size_t size) {
  tl_error e;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (tl_file_write(tl_sys_env(), path, (tl_bytes){(const uint8_t *)data, size}, false, &e) != TL_OK) fail_msg("%s", e.text);
}
static void write_text(const char *text) { write_bytes("in.csv", text, strlen(text)); }

/* "name type, name type". */
static void schema_text(tl_buffer *out, const tl_csv *csv) {
  char type[TL_TYPE_TEXT];
  const tl_schema *schema = tl_csv_schema(csv);
  out->size = 0;
  for (int i = 0; i < schema->child_count; i++) {
    tl_field_type_text(type, &schema->children[i].field);
    assert_string_equal(schema->children[i].name, schema->children[i].field.name);
    assert_true(schema->children[i].nullable && schema->children[i].field.nullable && schema->children[i].shape == TL_SHAPE_VALUE);
    OK(tl_buffer_format(out, &err, "%s%s %s", i > 0 ? ", " : "", schema->children[i].name, type));
  }
}

/* Rows as "a|b\n"; missing is "-", text is in brackets. */
static void put_rows(tl_buffer *out, const tl_batch *b) {
  for (int64_t r = 0; r < b->rows; r++)
    for (int i = 0; i < b->schema->child_count; i++) {
      const tl_column *c = &b->columns[i].column;
      bool text = c->field.physical == TL_PHYSICAL_BYTE_ARRAY;
      if (i > 0) OK(tl_buffer_byte(out, '|', &err));
      if (!tl_column_is_valid(c, r)) OK(tl_buffer_byte(out, '-', &err));
      if (tl_column_is_valid(c, r)) {
        if (text) OK(tl_buffer_byte(out, '[', &err));
        OK(tl_column_text(c, r, out, &err));
        if (text) OK(tl_buffer_byte(out, ']', &err));
      }
      if (i == b->schema->child_count - 1) OK(tl_buffer_byte(out, '\n', &err));
    }
}

static void check_batch(const tl_batch *b) {
  for (int i = 0; i < b->schema->child_count; i++) {
    const tl_column *c = &b->columns[i].column;
    int64_t nulls = 0;
    for (int64_t r = 0; r < b->rows; r++) nulls += !tl_column_is_valid(c, r);
    assert_int_equal(c->count, b->rows);
    assert_int_equal(b->columns[i].count, b->rows);
    assert_int_equal(c->null_count, nulls);
    assert_int_equal(b->columns[i].null_count, nulls);
  }
}

static tl_status read_rows(tl_csv *csv, tl_buffer *rows, int64_t most, tl_error *e) {
  TL_OWNED(tl_batch) batch = {0};
  TL_TRY(tl_batch_open(&batch, csv->env, tl_csv_schema(csv), e));
  do {
    TL_TRY(tl_csv_next(csv, &batch, most, e));
    assert_true(batch.rows <= most);
    check_batch(&batch);
    put_rows(rows, &batch);
  } while (batch.rows > 0);
  return TL_OK;
}

static tl_status read_all(const char *in, const tl_csv_options *options, tl_buffer *schema, tl_buffer *rows, int64_t most, tl_error *e) {
  TL_OWNED(tl_csv) csv = {0};
  rows->size = 0;
  TL_TRY(tl_csv_open(&csv, tl_sys_env(), in, options, e));
  schema_text(schema, &csv);
  return read_rows(&csv, rows, most, e);
}

static void expect(const char *in, tl_csv_options o, const char *schema, const char *rows) {
  TL_OWNED(tl_buffer) types = {.env = tl_sys_env()};
  TL_OWNED(tl_buffer) values = {.env = tl_sys_env()};
  for (int i = 0; i < BLOCKS; i++) {
    o.block = blocks[i];
    OK(read_all(in, &o, &types, &values, i == 2 ? 1 : 1000, &err));
    OK(tl_buffer_byte(&values, 0, &err));
    if (schema != NULL) assert_string_equal((const char *)types.data, schema);
    if (rows != NULL) assert_string_equal((const char *)values.data, rows);
  }
}

/* ---- what is sniffed ---- */

static void types_are_sniffed(void **state) {
  (void)state;
  static const struct {
    const char *text, *schema;
  } cases[] = {
      {"a,b\n1,x\n", "a int64, b string"},
      {"a;b\n1;x\n", "a int64, b string"},
      {"a\tb\n1\tx\n", "a int64, b string"},
      {"a|b\n1|x\n", "a int64, b string"},
      {"a;b\n1,5;2,5\n", "a string, b string"},
      {"a,b\n\"1;2;3;4\",\"x;y\"\n", "a string, b string"},
      {"text\nhello; world\n", "text string"},
      {"1,x\n2,y\n", "column1 int64, column2 string"},
      {"x,007\n", "column1 string, column2 string"},
      {"x,2024-01-01\n", "column1 string, column2 date"},
      {"x,true\n", "column1 string, column2 boolean"},
      {"a,b", "a string, b string"},
      {" a ,\" b \"\n1,2\n", "a int64,  b  int64"},
      {"\n\na,b\n\n1,2\n", "a int64, b int64"},
      {"a\ntrue\nFALSE\nTrue\n", "a boolean"},
      {"a\ntrue\n1\n", "a string"},
      {"a\n1\n-5\n0\n", "a int64"},
      {"a\n1\n007\n", "a string"},
      {"a\n1\n-01\n", "a string"},
      {"a\n1.5\n00.5\n", "a string"},
      {"a\n0.5\n0\n", "a double"},
      {"a\n+4912345\n", "a string"},
      {"a\n+0.25\n-0.25\n", "a double"},
      {"a\n1\n2.5\n", "a double"},
      {"a\n1\n1e3\n", "a double"},
      {"a\n.5\n5.\n", "a double"},
      {"a\n1\nNaN\n", "a double"},
      {"a\ninf\n-Infinity\nnan\n", "a double"},
      {"a\n1\nNA\n", "a string"},
      {"a\n1e999\n", "a string"},
      {"a\n9223372036854775807\n-9223372036854775808\n", "a int64"},
      {"a\n9223372036854775808\n", "a string"},
      {"a\n18446744073709551616\n0.5\n", "a double"},
      {"a\n9007199254740993\nNaN\n", "a string"},
      {"a\n2024-02-29\n", "a date"},
      {"a\n2023-02-29\n", "a string"},
      {"a\n2024-02-29\n2024-02-29 10:00\n", "a string"},
      {"a\n2024-02-29T10:00:00\n2024-02-29 10:00:00.123456\n", "a timestamp[us]"},
      {"a\n2024-02-29T10:00:00.1234567\n", "a timestamp[ns]"},
      {"a\n2024-02-29T10:00Z\n2024-02-29 10:00:00+05:30\n2024-02-29 10:00:00-0400\n2024-02-29 10:00:00+00\n", "a timestamp[us, UTC]"},
      {"a\n2024-02-29T10:00:00.123456789Z\n", "a timestamp[ns, UTC]"},
      {"a\n2024-02-29T10:00Z\n2024-02-29T10:00\n", "a string"},
      {"a\n2024-02-29T10:00:00.0000001\n2500-01-01 00:00\n", "a string"},
      {"a\n2024-02-29T24:00\n", "a string"},
      {"a\n2024-02-29T10:00:60\n", "a string"},
      {"a\n2024-02-29T10:00:00.1234567890\n", "a string"},
      {"a\n2024-02-29T10:00:00.\n", "a string"},
      {"a\n2024-02-29T10:00+5\n", "a string"},
      {"a\n2024-02-29T10:00+05:\n", "a string"},
      {"a,b\n,1\n,2\n", "a string, b int64"},
      {"a,b\n1,\n,2\n", "a int64, b int64"},
      {"a\n\"1\"\n\"\"\n", "a int64"},
      {"a, b\n1, 2\n  3 ,4\n", "a int64, b int64"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_text(cases[i].text);
    expect(path, (tl_csv_options){.header = -1}, cases[i].schema, NULL);
  }
}

static void options_come_before_sniffing(void **state) {
  (void)state;
  write_text("a,b\n1,2\n");
  expect(path, (tl_csv_options){.header = 0}, "column1 string, column2 string", "[a]|[b]\n[1]|[2]\n");
  expect(path, (tl_csv_options){.header = 1, .delimiter = ';'}, "a,b string", "[1,2]\n");
  write_text("2023,2024\n1,2\n");
  expect(path, (tl_csv_options){.header = 1}, "2023 int64, 2024 int64", "1|2\n");
  write_text("a,b\n'x,y',1\n'it''s',2\n");
  expect(path, (tl_csv_options){.header = -1, .quote = '\''}, "a string, b int64", "[x,y]|1\n[it's]|2\n");
  write_text("a\n1\n2\nx\n");
  expect(path, (tl_csv_options){.header = -1, .schema = "a:string"}, "a string", "[1]\n[2]\n[x]\n");
}

static void schemas_are_read(void **state) {
  (void)state;
  static const char *const types[] = {"boolean",
                                      "int8",
                                      "int16",
                                      "int32",
                                      "int64",
                                      "uint8",
                                      "uint16",
                                      "uint32",
                                      "uint64",
                                      "float",
                                      "double",
                                      "string",
                                      "date",
                                      "time[ms]",
                                      "time[us]",
                                      "time[ns]",
                                      "timestamp[ms]",
                                      "timestamp[us]",
                                      "timestamp[ns]",
                                      "time[us, UTC]",
                                      "timestamp[ms, UTC]",
                                      "timestamp[us, UTC]",
                                      "timestamp[ns, UTC]",
                                      "decimal(1, 0)",
                                      "decimal(9, 9)",
                                      "decimal(18, 2)",
                                      "decimal(38, 10)"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    char printed[TL_TYPE_TEXT];
    tl_field field = {.name = "kept"};
    assert_true(tl__csv_type_read(types[i], strlen(types[i]), &field));
    tl_field_type_text(printed, &field);
    assert_string_equal(printed, types[i]);
    assert_string_equal(field.name, "kept");
  }
  static const char *const wrong[] = {
      "",           "int",          "int128",         "text",       "timestamp", "timestamp[s]", "decimal", "decimal(39, 2)", "decimal(2, 3)", "decimal(0, 0)",
      "decimal(5)", "decimal(5, 2", "decimal(5, 2))", "list<int64>"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    tl_field field = {0};
    assert_false(tl__csv_type_read(wrong[i], strlen(wrong[i]), &field));
  }
  static const int sizes[][2] = {{19, 9}, {20, 9}, {21, 9}, {22, 10}, {38, 16}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char text[32];
    tl_field field = {0};
    snprintf(text, sizeof text, "decimal(%d,0)", sizes[i][0]);
    assert_true(tl__csv_type_read(text, strlen(text), &field));
    assert_int_equal(field.fixed_size, sizes[i][1]);
  }
  write_text("\"a,b\",\"c:d\",\"e\"\"f\"\n");
  expect(path, (tl_csv_options){.header = 1, .schema = " \"a,b\" : decimal(12, 2) , \"c:d\":int8,\"e\"\"f\":timestamp[us,UTC]"},
         "a,b decimal(12, 2), c:d int8, e\"f timestamp[us, UTC]", "");
}

/* ---- what is read ---- */

static void cells_are_cut(void **state) {
  (void)state;
  static const struct {
    const char *text, *rows;
  } cases[] = {
      {"a,b\nx,y\n", "[x]|[y]\n"},
      {"a,b\nx,y", "[x]|[y]\n"},
      {"a,b\r\nx,y\r\n", "[x]|[y]\n"},
      {"a,b\r\nx,y", "[x]|[y]\n"},
      {"\xef\xbb\xbf"
       "a,b\nx,y\n",
       "[x]|[y]\n"},
      {"\xef\xbb\xbf\"a\",b\nx,y\n", "[x]|[y]\n"},
      {"a,b\n,\n", "-|-\n"},
      {"a,b\n\"\",\n", "[]|-\n"},
      {"a,b\nx,", "[x]|-\n"},
      {"a,b\n\"x,y\",\"1\n2\"\n", "[x,y]|[1\n2]\n"},
      {"a,b\n\"x\"\"y\",\"\"\"\"\n", "[x\"y]|[\"]\n"},
      {"a,b\n\"\"\"x\"\"\",\"\"\"\"\"\"\n", "[\"x\"]|[\"\"]\n"},
      {"a,b\n5\" disk,x\"y\"\n", "[5\" disk]|[x\"y\"]\n"},
      {"a,b\n\"x\r\ny\",\"p\rq\"\r\nz,w\r\n", "[x\r\ny]|[p\rq]\n[z]|[w]\n"},
      {"a,b\n\nx,y\n\n\nz,w\n\n", "[x]|[y]\n[z]|[w]\n"},
      {"a\nx\n\ny\n", "[x]\n-\n[y]\n"},
      {"a\nx\n\"\"\n", "[x]\n[]\n"},
      {"a,b\n x , y \n", "[ x ]|[ y ]\n"},
      {"a,b\n\xc3\xa9\xe2\x82\xac,\xf0\x9f\x98\x80\n", "[\xc3\xa9\xe2\x82\xac]|[\xf0\x9f\x98\x80]\n"},
      {"a,b\n", ""},
      {"a,b", ""},
      {"n,t\n1,x\n,\n\"\",\"\"\n \t,y\n", "1|[x]\n-|-\n-|[]\n-|[y]\n"},
      {"d\n2024-02-29\n\n0001-01-01\n9999-12-31\n", "2024-02-29\n-\n0001-01-01\n9999-12-31\n"},
      {"t\n2024-02-29T23:30:00.5-01:30\n1969-12-31 23:59:59.999999Z\n2024-01-01T00:15+00:30\n",
       "2024-03-01T01:00:00.500000Z\n1969-12-31T23:59:59.999999Z\n2023-12-31T23:45:00.000000Z\n"},
      {"t\n1677-09-21T00:12:43.145224192\n2262-04-11T23:47:16.854775807\n", "1677-09-21T00:12:43.145224192\n2262-04-11T23:47:16.854775807\n"},
      {"i\n9223372036854775807\n-9223372036854775808\n-0\n", "9223372036854775807\n-9223372036854775808\n0\n"},
      {"d\n0.1\n-0.0\n1e-320\n1.7976931348623157e308\nnan\n-INF\n+infinity\n123456789012345678901234567890\n",
       "0.1\n-0.0\n1e-320\n1.7976931348623157e+308\nNaN\n-Infinity\nInfinity\n1.2345678901234568e+29\n"},
      {"b\ntrue\nFalse\n\nTRUE\n", "true\nfalse\n-\ntrue\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_text(cases[i].text);
    expect(path, (tl_csv_options){.header = -1}, NULL, cases[i].rows);
  }
}

static void given_types_are_read(void **state) {
  (void)state;
  static const struct {
    const char *type, *text, *rows;
  } cases[] = {
      {"int8", "-128\n127\n+5\n007\n", "-128\n127\n5\n7\n"},
      {"int16", "-32768\n32767\n", "-32768\n32767\n"},
      {"int32", "-2147483648\n2147483647\n", "-2147483648\n2147483647\n"},
      {"int64", "-9223372036854775808\n9223372036854775807\n000000000000000000000000001\n", "-9223372036854775808\n9223372036854775807\n1\n"},
      {"uint8", "0\n255\n", "0\n255\n"},
      {"uint16", "65535\n", "65535\n"},
      {"uint32", "4294967295\n", "4294967295\n"},
      {"uint64", "18446744073709551615\n+1\n", "18446744073709551615\n1\n"},
      {"float", "0.1\n3.4028235e38\n1e-45\ninf\n16777217\n", "0.1\n3.4028235e+38\n1e-45\nInfinity\n16777216.0\n"},
      {"float", "1.00000005960464477539062500001\n", "1.0000001\n"}, /* above the tie: by way of a double it would come out as 1 */
      {"double", "1\n007.5\n", "1.0\n7.5\n"},
      {"decimal(9, 2)", "1234567.89\n-0.01\n.5\n5.\n1.500000\n+7\n", "1234567.89\n-0.01\n0.50\n5.00\n1.50\n7.00\n"},
      {"decimal(2, 2)", "0.99\n-.99\n00.1\n", "0.99\n-0.99\n0.10\n"},
      {"decimal(18, 0)", "999999999999999999\n-999999999999999999\n", "999999999999999999\n-999999999999999999\n"},
      {"decimal(38, 0)", "99999999999999999999999999999999999999\n-99999999999999999999999999999999999999\n-1\n",
       "99999999999999999999999999999999999999\n-99999999999999999999999999999999999999\n-1\n"},
      {"decimal(20, 5)", "123456789012345.12345\n-0.00001\n", "123456789012345.12345\n-0.00001\n"},
      {"time[ms]", "23:59:59.999\n00:00\n10:20:30\n", "23:59:59.999\n00:00:00.000\n10:20:30.000\n"},
      {"time[us]", "23:59:59.999999\n", "23:59:59.999999\n"},
      {"time[ns, UTC]", "23:59:59.999999999Z\n01:02\n", "23:59:59.999999999Z\n01:02:00.000000000Z\n"},
      {"timestamp[us, UTC]", "2024-01-01 10:00\n2024-01-01 10:00+01\n2024-01-01\n",
       "2024-01-01T10:00:00.000000Z\n2024-01-01T09:00:00.000000Z\n2024-01-01T00:00:00.000000Z\n"},
      {"timestamp[ms]", "2024-01-01 10:00:00.123000\n", "2024-01-01T10:00:00.123\n"},
      {"string", "1\n \n\n\"\"\n", "[1]\n[ ]\n-\n[]\n"},
      {"boolean", "true\n\n", "true\n-\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[512], schema[80];
    snprintf(text, sizeof text, "c\n%s", cases[i].text);
    snprintf(schema, sizeof schema, "c:%s", cases[i].type);
    write_text(text);
    expect(path, (tl_csv_options){.header = 1, .schema = schema}, NULL, cases[i].rows);
  }
}

/* ---- what is wrong ---- */

static void errors_name_their_line(void **state) {
  (void)state;
  static const struct {
    const char *text, *schema, *error; /* behind the path */
  } cases[] = {
      {"", NULL, ": empty"},
      {"\n\n", NULL, ": empty"},
      {"\xef\xbb\xbf", NULL, ": empty"},
      {"a,b\n1,2\n3\n", NULL, ", line 3: the record has 1 cells, expected 2"},
      {"a,b\n1,2\n3,4,5\n", NULL, ", line 3: the record has 3 cells, expected 2"},
      {"a,b\n\"1\n2\",2\n\n3\n", NULL, ", line 5: the record has 1 cells, expected 2"},
      {"a,b\r\n1,2\r\n3\r\n", NULL, ", line 3: the record has 1 cells, expected 2"},
      {"a,b\n1,2\n\"x,4\n5,6\n", NULL, ", line 3: the quote that opens here is never closed"},
      {"a,b\n1,2\n\"x\ny\",\"z\n5,6\n", NULL, ", line 4: the quote that opens here is never closed"},
      {"a,b\n1,2\n\"x\"y,4\n", NULL, ", line 3: text behind the closing quote of cell 1"},
      {"a,b\n1,2\n\"x\n\",\"y\"z\n", NULL, ", line 4: text behind the closing quote of cell 2"},
      {"a,b\n1,2\r3,4\n", NULL, ", line 2: a carriage return without a line feed"},
      {"a,b\n1,2\r", NULL, ", line 2: a carriage return without a line feed"},
      {"a,a\n1,2\n", NULL, ", line 1: two columns are named a"},
      {"\n\na,,c\n1,2,3\n", NULL, ", line 3: the name of column 2 is empty"},
      {"a,\xff\n1,2\n", NULL, ", line 1: the name of column 2 is not valid UTF-8"},
      {"a,b\nx,y\n\"p\n\",\xc3(\n", NULL, ", line 3, column b: '?(' is not valid UTF-8"},
      {"\xff\xfe"
       "a\0,\0",
       NULL, ": not CSV but UTF-16"},
      {"\xfe\xff\0a\0,", NULL, ": not CSV but UTF-16"},
      {"\x1f\x8b\x08", NULL, ": not CSV but compressed by gzip"},
      {"PAR1....", NULL, ": not CSV but a Parquet file"},
      {"a\n1\n", "b:int64", "schema: no column b in "},
      {"price\n1\n", "prize:int64", "did you mean price?"},
      {"a\n1\n", "a:int65", "schema: column a: 'int65' is no type"},
      {"a\n1\n", "a", "schema: expected NAME:TYPE at 'a'"},
      {"a\n1\n", "a:int64,", "schema: expected NAME:TYPE at ''"},
      {"a\n1\n", "\"a:int64", "schema: expected \"NAME\":TYPE at '\"a:int64'"},
      {"a\n1\n", "a:int64,a:int32", "schema: column a is given twice"},
      {"a,b\n1,2\n3,x\n", "b:int64", ", line 3, column b: 'x' is no int64, which the schema says it is"},
      {"a\n128\n", "a:int8", "'128' is no int8"},
      {"a\n-129\n", "a:int8", "'-129' is no int8"},
      {"a\n256\n", "a:uint8", "'256' is no uint8"},
      {"a\n-1\n", "a:uint64", "'-1' is no uint64"},
      {"a\n18446744073709551616\n", "a:uint64", "is no uint64"},
      {"a\n2147483648\n", "a:int32", "is no int32"},
      {"a\n1e39\n", "a:float", "is no float"},
      {"a\n1\n-\n", "a:double", ", line 3, column a: '-' is no double"},
      {"a\n.\n", "a:double", "'.' is no double"},
      {"a\n0x10\n", "a:double", "'0x10' is no double"},
      {"a\n1.005\n", "a:decimal(12, 2)", "'1.005' is no decimal(12, 2)"},
      {"a\n10\n", "a:decimal(3, 2)", "'10' is no decimal(3, 2)"},
      {"a\n1e2\n", "a:decimal(12, 2)", "is no decimal(12, 2)"},
      {"a\n.\n", "a:decimal(12, 2)", "is no decimal(12, 2)"},
      {"a\n100000000000000000000000000000000000000\n", "a:decimal(38, 0)", "is no decimal(38, 0)"},
      {"a\n24:00\n", "a:time[us]", "is no time[us]"},
      {"a\n10:00:00.0000001\n", "a:time[us]", "is no time[us]"},
      {"a\n10:00Z\n", "a:time[us]", "is no time[us]"},
      {"a\n2024-01-01T10:00Z\n", "a:timestamp[us]", "is no timestamp[us]"},
      {"a\n2024-01-01T10:00:00.0000001\n", "a:timestamp[us]", "is no timestamp[us]"},
      {"a\n2262-04-11T23:47:16.854775808\n", "a:timestamp[ns]", "is no timestamp[ns]"},
      {"a\n2024-1-1\n", "a:date", "is no date"},
      {"a\n1\n", "a:boolean", "'1' is no boolean"},
      {"a\n0123456789012345678901234567890123456789\xc3\xa9\n", "a:date", ": '0123456789012345678901234567890123456789...' is no date"},
      {"a\n\"x\ty\n\"\n", "a:date", ": 'x?y?' is no date"},
  };
  TL_OWNED(tl_buffer) types = {.env = tl_sys_env()};
  TL_OWNED(tl_buffer) values = {.env = tl_sys_env()};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t size = strlen(cases[i].text);
    if (memchr("\xff\xfe", cases[i].text[0], 2) && size > 1 && strstr(cases[i].error, "UTF-16")) size = 6;
    write_bytes("in.csv", cases[i].text, size);
    for (int k = 0; k < BLOCKS; k++) {
      tl_csv_options o = {.header = -1, .schema = cases[i].schema, .block = blocks[k]};
      tl_status status = read_all(path, &o, &types, &values, 10, &err);
      if (status == TL_OK) fail_msg("case %zu is read", i);
      assert_int_equal(status, err.status);
      assert_int_equal(status, strncmp(cases[i].error, "schema", 6) == 0 || strstr(cases[i].error, "mean") ? TL_USAGE : TL_CORRUPT);
      if (strstr(err.text, cases[i].error) == NULL) fail_msg("case %zu: '%s' lacks '%s'", i, err.text, cases[i].error);
      if (status == TL_CORRUPT) assert_memory_equal(err.text, path, strlen(path));
    }
  }
}

/* What comes behind the rows that were sniffed is held against their types, and a type that would do is named. */
static void later_rows_keep_the_types(void **state) {
  (void)state;
  static const struct {
    const char *early, *late, *hint;
  } cases[] = {
      {"1", "x", "'x' is no int64, as the rows before it are; another type can be given: --schema 'a:string'"},
      {"1", "2.5", "another type can be given: --schema 'a:double'"},
      {"1", "nan", "--schema 'a:double'"},
      {"1", "007", "--schema 'a:string'"},
      {"1", "9223372036854775808", "--schema 'a:string'"},
      {"1.5", "x", "is no double"},
      {"1.5", "007", "is no double"},
      {"true", "1", "is no boolean"},
      {"2024-01-01", "2024-01-01 10:00", "is no date"},
      {"2024-01-01 10:00", "2024-01-01 10:00Z", "--schema 'a:string'"},
      {"2024-01-01 10:00Z", "2024-01-01 10:00", "--schema 'a:string'"},
      {"2024-01-01 10:00", "2024-01-01 10:00:00.1234567", "--schema 'a:timestamp[ns]'"},
      {"2024-01-01 10:00Z", "2024-01-01 10:00:00.1234567Z", "--schema 'a:timestamp[ns, UTC]'"},
  };
  TL_OWNED(tl_buffer) types = {.env = tl_sys_env()};
  TL_OWNED(tl_buffer) values = {.env = tl_sys_env()};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[512];
    snprintf(text, sizeof text, "a,b\n%s,1\n%s,2\n\n%s,3\n", cases[i].early, cases[i].early, cases[i].late);
    write_text(text);
    for (int k = 0; k < BLOCKS; k++) {
      tl_csv_options o = {.header = -1, .sniffed_rows = 2, .block = blocks[k]};
      assert_int_equal(read_all(path, &o, &types, &values, 1, &err), TL_CORRUPT);
      if (strstr(err.text, cases[i].hint) == NULL || strstr(err.text, ", line 5, column a: ") == NULL) fail_msg("case %zu: '%s'", i, err.text);
    }
  }
}

static void long_records_are_bounded(void **state) {
  (void)state;
  TL_OWNED(tl_buffer) types = {.env = tl_sys_env()};
  TL_OWNED(tl_buffer) values = {.env = tl_sys_env()};
  tl_csv_options o = {.header = -1, .most_record = 100};
  for (int k = 0; k < BLOCKS; k++) {
    char text[400];
    o.block = blocks[k];
    snprintf(text, sizeof text, "a,b\n1,2\n%097d,\nx,y\n", 0);
    write_text(text);
    OK(read_all(path, &o, &types, &values, 10, &err));
    snprintf(text, sizeof text, "a,b\n1,2\n%098d,1\nx,y\n", 0);
    write_text(text);
    assert_int_equal(read_all(path, &o, &types, &values, 10, &err), TL_CORRUPT);
    assert_non_null(strstr(err.text, ", line 3: the record that begins here is longer than 100 bytes"));
    snprintf(text, sizeof text, "a,b\n1,2\n\"%0300d,1\n", 0);
    write_text(text);
    assert_int_equal(read_all(path, &o, &types, &values, 10, &err), TL_CORRUPT);
    assert_non_null(strstr(err.text, ", line 3: the record that begins here is longer than 100 bytes; is there a quote that is not closed?"));
  }
}

static void options_must_make_sense(void **state) {
  (void)state;
  static const tl_csv_options wrong[] = {
      {.delimiter = '"'}, {.delimiter = '\n'}, {.quote = '\r'}, {.delimiter = '\'', .quote = '\''}, {.delimiter = (char)0xe9}};
  write_text("a\n1\n");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    tl_csv csv;
    assert_int_equal(tl_csv_open(&csv, tl_sys_env(), path, &wrong[i], &err), TL_USAGE);
  }
  tl_csv csv;
  assert_int_equal(tl_csv_open(&csv, tl_sys_env(), "/nowhere/at.all", NULL, &err), TL_NOT_FOUND);
}

/* ---- folders ---- */

static void make_folder(const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  assert_int_equal(mkdir(path, 0777), 0);
}

static void folders_are_one_table(void **state) {
  (void)state;
  char root[80];
  tl_csv csv;
  make_folder("many");
  make_folder("many/b");
  snprintf(root, sizeof root, "%s/many/", folder);
  write_bytes("many/a.csv", "x,y\n1,a\n", 8);
  write_bytes("many/b/a.CSV", "x,y\n2.5,b\n", 10);
  write_bytes("many/c.csv", "x,y\n", 4);
  write_bytes("many/d.csv", "\nx,y\n,\n", 7);
  write_bytes("many/_e.csv", "no", 2);
  write_bytes("many/notes.txt", "no", 2);
  expect(root, (tl_csv_options){.header = -1}, "x double, y string", "1.0|[a]\n2.5|[b]\n-|-\n");
  write_bytes("many/c.csv", "x,z\n1,2\n", 8);
  assert_int_equal(tl_csv_open(&csv, tl_sys_env(), root, NULL, &err), TL_CORRUPT);
  assert_non_null(strstr(err.text, "many/c.csv, line 1: column 2 is named z, but y in "));
  write_bytes("many/c.csv", "x\n1\n", 4);
  assert_int_equal(tl_csv_open(&csv, tl_sys_env(), root, NULL, &err), TL_CORRUPT);
  assert_non_null(strstr(err.text, "many/c.csv, line 1: 1 columns, but 2 in "));
  write_bytes("many/c.csv", "", 0);
  assert_int_equal(tl_csv_open(&csv, tl_sys_env(), root, NULL, &err), TL_CORRUPT);
  assert_non_null(strstr(err.text, "many/c.csv: empty"));
  unlink(path);
  write_bytes("many/f.csv.gz", "x", 1);
  assert_int_equal(tl_csv_open(&csv, tl_sys_env(), root, NULL, &err), TL_UNSUPPORTED);
  unlink(path);
  make_folder("many/year=2024");
  assert_int_equal(tl_csv_open(&csv, tl_sys_env(), root, NULL, &err), TL_UNSUPPORTED);
  rmdir(path);
  make_folder("none");
  assert_int_equal(tl_csv_open(&csv, tl_sys_env(), path, NULL, &err), TL_NOT_FOUND);
}

static void batches_end_with_files(void **state) {
  (void)state;
  char root[80];
  TL_OWNED(tl_csv) csv = {0};
  TL_OWNED(tl_batch) batch = {0};
  make_folder("parts");
  snprintf(root, sizeof root, "%s/parts", folder);
  write_bytes("parts/a.csv", "x\n1\n2\n3\n", 8);
  write_bytes("parts/b.csv", "x\n4\n", 4);
  static const int64_t rows[] = {2, 1, 1, 0, 0};
  static const char *const names[] = {"/a.csv", "/a.csv", "/b.csv"};
  OK(tl_csv_open(&csv, tl_sys_env(), root, NULL, &err));
  OK(tl_batch_open(&batch, tl_sys_env(), tl_csv_schema(&csv), &err));
  assert_int_equal(csv.size, 12);
  for (int i = 0; i < 5; i++) {
    OK(tl_csv_next(&csv, &batch, 2, &err));
    assert_int_equal(batch.rows, rows[i]);
    if (i < 3)
      assert_non_null(strstr(tl_csv_path(&csv), names[i]));
    else
      assert_null(tl_csv_path(&csv));
  }
}

/* However many rows are asked for, a batch takes a bounded part of the file. */
static void batches_are_bounded(void **state) {
  (void)state;
  enum { LONG = 1 << 20, COUNT = 40 };
  TL_OWNED(tl_buffer) text = {.env = tl_sys_env()};
  TL_OWNED(tl_csv) csv = {0};
  TL_OWNED(tl_batch) batch = {0};
  int64_t rows = 0;
  OK(tl_buffer_text(&text, "a\n", &err));
  OK(tl_buffer_reserve(&text, (LONG + 1) * COUNT, &err));
  for (int i = 0; i < COUNT; i++) {
    memset(text.data + text.size, 'x', LONG);
    text.size += LONG;
    OK(tl_buffer_byte(&text, '\n', &err));
  }
  write_bytes("in.csv", (const char *)text.data, text.size);
  tl_buffer_free(&text);
  OK(tl_csv_open(&csv, tl_sys_env(), path, NULL, &err));
  OK(tl_batch_open(&batch, tl_sys_env(), tl_csv_schema(&csv), &err));
  do {
    OK(tl_csv_next(&csv, &batch, 1000, &err));
    assert_true(batch.rows <= 16);
    rows += batch.rows;
  } while (batch.rows > 0);
  assert_int_equal(rows, COUNT);
}

/* ---- numbers against the C library ---- */

static uint64_t dice_state = 7;
static uint64_t dice(void) {
  dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
  return dice_state >> 16;
}

static void expect_double(const char *text) {
  double wanted = strtod(text, NULL), got;
  if (isinf(wanted)) { /* a number that no double is near to is no value */
    assert_false(tl__csv_double(text, strlen(text), &got));
    return;
  }
  if (!tl__csv_double(text, strlen(text), &got)) fail_msg("%s is no double", text);
  if (memcmp(&wanted, &got, sizeof got) != 0) fail_msg("%s: %a, expected %a", text, got, wanted);
}

static void doubles_are_correctly_rounded(void **state) {
  (void)state;
  static const char *const hard[] = {"9007199254740993",
                                     "9007199254740992.5",
                                     "900719925474099.25",
                                     "9007199254740993.0000000000000000000000000000000000001",
                                     "0.5000000000000000277",
                                     "1.0000000000000001110",
                                     "1.000000000000000111",
                                     "9999999999999999999",
                                     "0.9999999999999999999",
                                     "1.844674407370955161",
                                     "18446744073709551615",
                                     "0.000000000000000000",
                                     "-0",
                                     "0e5",
                                     "2.2250738585072011e-308",
                                     "4.9e-324",
                                     "2e-324",
                                     "1e22",
                                     "1e23",
                                     "8.5e22",
                                     "123456789012345678e-5"};
  for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) expect_double(hard[i]);
  for (int i = 0; i < 200000; i++) {
    char text[64];
    uint64_t bits = dice() ^ dice() << 32;
    double v;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v)) continue;
    snprintf(text, sizeof text, "%.*g", 1 + (int)(dice() % 19), v);
    expect_double(text);
    snprintf(text, sizeof text, "%.*f", (int)(dice() % 19), (double)(int64_t)bits / 1e12);
    expect_double(text);
    snprintf(text, sizeof text, "%llu.%0*llu", (unsigned long long)(dice() % 1000), 1 + (int)(dice() % 16), (unsigned long long)(dice() % 10));
    expect_double(text);
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)(bits >> dice() % 64), (int)(dice() % 60) - 30);
    expect_double(text);
  }
  /* ties between two doubles, and their neighbours, in up to 19 digits */
  for (int i = 0; i < 200000; i++) {
    char text[64];
    uint64_t mantissa = ((uint64_t)1 << 53) | dice() << 5 | 1; /* odd, 54 bits: in the middle */
    mantissa &= ((uint64_t)1 << 54) - 1;
    int halves = (int)(dice() % 4), places = 0;
    while (halves-- > 0 && mantissa < UINT64_MAX / 50) mantissa *= 5, places++;
    int n = snprintf(text, sizeof text, "%llue-%d", (unsigned long long)mantissa + dice() % 3 - 1, places);
    assert_true(n > 0);
    expect_double(text);
  }
}

/* ---- many rows against an independent splitter ---- */

enum { ROWS = 100000, FIELDS = 4 };

static void put_random_cell(tl_buffer *out, int kind) {
  static const char *const pieces[] = {"a", "bc", ",", "\"\"", "\n", "\r\n", " ", "\xc3\xa9", "1", ".", ";"};
  switch (kind) {
    case 0: OK(tl_buffer_format(out, &err, "%lld", (long long)(int64_t)(dice() << 20 ^ dice()) >> dice() % 64)); return;
    case 1: OK(tl_buffer_format(out, &err, "%.*g", 1 + (int)(dice() % 17), (double)(int64_t)dice() / 1e9)); return;
    case 2: /* quoted text */
      OK(tl_buffer_byte(out, '"', &err));
      for (uint64_t i = dice() % 9; i > 0; i--) OK(tl_buffer_text(out, pieces[dice() % 11], &err));
      OK(tl_buffer_byte(out, '"', &err));
      return;
    default: /* bare text */
      for (uint64_t i = dice() % 5; i > 0; i--) OK(tl_buffer_text(out, pieces[dice() % 2 + (dice() % 3 == 0 ? 6 : 0)], &err));
  }
}

static void put_random_rows(tl_buffer *out) {
  OK(tl_buffer_text(out, "i,d,q,t\n", &err));
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < FIELDS; c++) {
      if (dice() % 10 > 0) put_random_cell(out, c);
      OK(tl_buffer_text(out, c < FIELDS - 1 ? "," : dice() % 2 ? "\n" : "\r\n", &err));
    }
}

/* The plainest reading of a cell: one character at a time. Returns what is behind it. */
static const char *next_cell(const char *p, char *cell, bool *missing) {
  bool quoted = *p == '"', inside = quoted;
  p += quoted;
  while (inside || (*p != ',' && *p != '\n' && !(p[0] == '\r' && p[1] == '\n'))) {
    if (inside && p[0] == '"' && p[1] != '"') {
      inside = false;
      p++;
      continue;
    }
    p += inside && *p == '"';
    *cell++ = *p++;
  }
  *cell = 0;
  *missing = !quoted && cell[-1] == 0; /* the caller's array begins behind a zero */
  return p + (*p == '\r') + 1;
}

static void expect_cell(const tl_column *c, int64_t row, const char *text, bool missing) {
  assert_int_equal(tl_column_is_valid(c, row), !missing);
  if (missing) return;
  tl_bytes got = tl_column_bytes(c, row);
  double d;
  switch (c->field.physical) {
    case TL_PHYSICAL_INT64: assert_int_equal(tl_column_int(c, row), strtoll(text, NULL, 10)); return;
    case TL_PHYSICAL_DOUBLE:
      d = strtod(text, NULL);
      assert_memory_equal(got.data, &d, sizeof d);
      return;
    default: assert_int_equal(got.size, strlen(text)); assert_memory_equal(got.data, text, got.size);
  }
}

static void many_rows_are_what_they_were(void **state) {
  (void)state;
  TL_OWNED(tl_buffer) text = {.env = tl_sys_env()};
  put_random_rows(&text);
  write_bytes("in.csv", (const char *)text.data, text.size);
  OK(tl_buffer_byte(&text, 0, &err));
  static const size_t sizes[] = {7, 1000, 0};
  for (int k = 0; k < 3; k++) {
    TL_OWNED(tl_csv) csv = {0};
    TL_OWNED(tl_batch) batch = {0};
    tl_csv_options o = {.header = 1, .block = sizes[k]};
    const char *p = (const char *)text.data + 8;
    int64_t rows = 0;
    OK(tl_csv_open(&csv, tl_sys_env(), path, &o, &err));
    OK(tl_batch_open(&batch, tl_sys_env(), tl_csv_schema(&csv), &err));
    for (;;) {
      OK(tl_csv_next(&csv, &batch, 777, &err));
      if (batch.rows == 0) break;
      check_batch(&batch);
      for (int64_t r = 0; r < batch.rows; r++)
        for (int c = 0; c < FIELDS; c++) {
          char cell[256] = {0};
          bool missing;
          p = next_cell(p, cell + 1, &missing);
          expect_cell(&batch.columns[c].column, r, cell + 1, missing);
        }
      rows += batch.rows;
    }
    assert_int_equal(rows, ROWS);
    assert_int_equal(*p, 0);
  }
}

/* ---- faults ---- */

static tl_env real, faulty;
static long calls, fail_at, held;

static void *resize(tl_env *env, void *memory, size_t old_size, size_t new_size) {
  (void)env;
  if (new_size > 0 && ++calls == fail_at) return NULL;
  held += memory == NULL;
  held -= new_size == 0;
  return real.resize(&real, memory, old_size, new_size);
}
static tl_status open_read(tl_env *env, const char *name, int *handle, tl_error *e) {
  (void)env;
  if (++calls == fail_at) return tl_fail(e, TL_IO, "injected");
  tl_status status = real.open_read(&real, name, handle, e);
  held += status == TL_OK;
  return status;
}
static tl_status read_at(tl_env *env, int handle, void *data, size_t size, int64_t offset, size_t *done, tl_error *e) {
  (void)env;
  return ++calls == fail_at ? tl_fail(e, TL_IO, "injected") : real.read_at(&real, handle, data, size, offset, done, e);
}
static tl_status close_file(tl_env *env, int handle, tl_error *e) {
  (void)env;
  held--;
  return real.close(&real, handle, e);
}

static tl_status read_with_faults(tl_error *e) {
  TL_OWNED(tl_csv) csv = {0};
  TL_OWNED(tl_batch) batch = {0};
  tl_csv_options o = {.header = -1, .block = 16, .schema = "b:string"};
  TL_TRY(tl_csv_open(&csv, &faulty, path, &o, e));
  TL_TRY(tl_batch_open(&batch, &faulty, tl_csv_schema(&csv), e));
  do TL_TRY(tl_csv_next(&csv, &batch, 2, e));
  while (batch.rows > 0);
  return TL_OK;
}

static void every_call_may_fail(void **state) {
  (void)state;
  write_text("a,b,c\n1,\"x\"\"y\",2024-01-01\n,,\n3,something that is longer than a block,2024-01-02\n");
  real = *tl_sys_env();
  faulty = real;
  faulty.resize = resize, faulty.open_read = open_read, faulty.read_at = read_at, faulty.close = close_file;
  tl_status status = TL_IO;
  for (fail_at = 1; status != TL_OK; fail_at++) {
    calls = held = 0;
    err = (tl_error){0};
    status = read_with_faults(&err);
    assert_int_equal(held, 0);
    if (status != TL_OK) assert_true(status == err.status && (status == TL_MEMORY || status == TL_IO));
    assert_true(fail_at < 10000);
  }
  assert_true(fail_at > 30);
}

int main(void) {
  char command[128];
  snprintf(folder, sizeof folder, "/tmp/tickloom-csv-%d", (int)getpid());
  if (mkdir(folder, 0777) != 0) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types_are_sniffed),
      cmocka_unit_test(options_come_before_sniffing),
      cmocka_unit_test(schemas_are_read),
      cmocka_unit_test(cells_are_cut),
      cmocka_unit_test(given_types_are_read),
      cmocka_unit_test(errors_name_their_line),
      cmocka_unit_test(later_rows_keep_the_types),
      cmocka_unit_test(long_records_are_bounded),
      cmocka_unit_test(options_must_make_sense),
      cmocka_unit_test(folders_are_one_table),
      cmocka_unit_test(batches_end_with_files),
      cmocka_unit_test(batches_are_bounded),
      cmocka_unit_test(doubles_are_correctly_rounded),
      cmocka_unit_test(many_rows_are_what_they_were),
      cmocka_unit_test(every_call_may_fail),
  };
  int failed = cmocka_run_group_tests_name("csv", tests, NULL, NULL);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) == 0 ? failed : 1;
}
