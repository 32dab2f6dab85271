/* The inside of a predicate: its tree, as parsed, and what binding it to columns adds. For predicate*.c alone. */
#ifndef TL_COLUMN_PREDICATE_TREE_H
#define TL_COLUMN_PREDICATE_TREE_H

#include "column/number.h"
#include "column/predicate.h"

/* ---- the text ---- */

typedef struct tl__place {
  size_t offset, size; /* bytes of the text */
} tl__place;

typedef enum tl__literal_type { TL__BOOLEAN_LITERAL, TL__NUMBER_LITERAL, TL__TEXT_LITERAL, TL__HEX_LITERAL } tl__literal_type;

typedef struct tl__literal {
  tl__literal_type type;
  bool truth;
  __int128 value; /* a number is value / 10^scale; any scale */
  int scale;
  bool has_exponent;
  double real;    /* the double nearest to it */
  tl_bytes bytes; /* of a text, or as hex says */
} tl__literal;

/* A decimal number, exact to 38 digits that count; says what is wrong with it, or NULL. */
const char *tl__literal_number(tl__literal *out, const char *text, size_t size);
/* "2025-11-25", "2025-11-25T09:15:00.25Z" as value / 10^scale seconds since 1970, "09:15:00.25" since midnight; at most 18 digits of
   fraction; years of more than four digits, and those before 0, have a sign. */
bool tl__instant_read(tl_bytes text, __int128 *value, int *scale);
bool tl__clock_read(tl_bytes text, __int128 *value, int *scale);
/* Two hex digits a byte, or a UUID with its dashes; `out` has room for half of the text. */
bool tl__hex_read(tl_bytes text, uint8_t *out, size_t *size);
bool tl__uuid_read(tl_bytes text, uint8_t out[16]);

/* ---- the tree ---- */

typedef enum tl__kind {
  TL__COLUMN, /* values */
  TL__LITERAL,
  TL__NEGATE,
  TL__ADD,
  TL__SUBTRACT,
  TL__MULTIPLY,
  TL__DIVIDE,
  TL__CONSTANT, /* conditions */
  TL__MISSING,
  TL__COMPARE,
  TL__IN,
  TL__NOT,
  TL__AND,
  TL__OR,
} tl__kind;

typedef enum tl__comparison { TL__EQ, TL__NE, TL__LT, TL__LE, TL__GT, TL__GE } tl__comparison;

/* How a COMPARE or IN is answered, as binding finds it. */
typedef enum tl__form {
  TL__NEVER, /* it needs a column that is not there */
  TL__TEST,  /* a column against literals */
  TL__PAIR,  /* a column against a column */
  TL__REALS, /* arithmetic */
} tl__form;

typedef struct tl__test tl__test;
typedef struct tl__term tl__term;
struct tl__term {
  tl__kind kind;
  tl__place place;
  int depth;                  /* of the tree below it, itself included */
  bool has_column;            /* somewhere below */
  int column;                 /* COLUMN, MISSING */
  bool truth;                 /* CONSTANT */
  tl__comparison comparison;  /* COMPARE */
  const tl__literal *literal; /* LITERAL */
  tl__term *first, *next;     /* what it is made of, as a list: COMPARE has two, IN the value and then the literals */
  tl__form form;              /* bound: COMPARE, IN */
  tl__test *test;             /* bound: TEST, and IN of REALS */
};

static inline bool tl__is_condition(const tl__term *t) { return t->kind >= TL__CONSTANT; }
static inline bool tl__is_arithmetic(const tl__term *t) { return t->kind >= TL__NEGATE && t->kind <= TL__DIVIDE; }

/* ---- columns ---- */

/* What the values of a column are to a comparison. */
typedef enum tl__sense { TL__ABSENT, TL__BOOLEAN, TL__NUMBER, TL__REAL, TL__INSTANT, TL__CLOCK, TL__TEXT, TL__UUID, TL__BINARY } tl__sense;

/* How they are held: INTEGER up to 128 bits (raw: as stored, with scale and unit aside), REAL double, BYTES in byte order. */
typedef enum tl__domain { TL__INTEGER_DOMAIN, TL__REAL_DOMAIN, TL__BYTES_DOMAIN } tl__domain;

typedef struct tl__subject {
  tl_field field;
  tl__sense sense;
  tl__domain domain;
  int scale;         /* INTEGER: the value is raw * unit / 10^scale; of times in seconds */
  int64_t unit;      /* 86400 of a date */
  __int128 min, max; /* INTEGER: of what can be stored */
} tl__subject;

/* TL_UNSUPPORTED for decimals beyond 38 digits. NULL: absent. */
tl_status tl__subject_of(tl__subject *out, const tl_field *field, tl_error *err) TL_MUST_CHECK;
/* One stored value, whose size is right for its type. */
__int128 tl__raw_integer(const tl__subject *s, tl_bytes plain);
double tl__raw_real(const tl__subject *s, tl_bytes plain);

/* A value of any domain, for comparisons of two columns. */
typedef struct tl__value {
  tl__domain domain;
  __int128 integer; /* integer / 10^scale */
  int scale;
  double real;
  tl_bytes bytes;
} tl__value;
tl__value tl__value_of(const tl__subject *s, tl_bytes plain);
/* -1, 0, 1 or TL_UNORDERED. */
int tl__value_compare(const tl__value *a, const tl__value *b);
int tl__bytes_compare(tl_bytes a, tl_bytes b);

/* ---- tests ---- */

/* A column against literals, in the column's own domain: whether a present value lies in a range, or in a sorted set. */
struct tl__test {
  tl__domain domain;
  int column;
  bool negated;       /* holds for present values that do not */
  bool is_set;        /* else a range */
  __int128 low, high; /* INTEGER: inclusive; of a set its least and greatest; nothing where low > high */
  double least, most; /* REAL: the same */
  tl_bytes from, to;  /* BYTES: the same; data NULL: no bound */
  bool above, below;  /* BYTES: the bound itself is out of the range */
  bool is_equality;   /* of one value, so that a filter can be asked */
  size_t count;       /* of the set */
  __int128 *integers; /* each ascending, no value twice */
  double *reals;
  tl_bytes *texts;
  tl__test *next; /* of the predicate's tests of columns */
  int64_t table;  /* while selecting: where its answers for the dictionary's entries begin; -1: there are none */
};

/* Whether there is nothing in it. */
bool tl__test_is_empty(const tl__test *test);
/* out[i] = 1 where values[i] holds, else 0. */
void tl__test_reals(const tl__test *test, const double *values, int count, uint8_t *out);
/* The same for rows of a column of values, missing ones like others; its values are those of the subject. */
void tl__test_rows(const tl__test *test, const tl__subject *s, const tl_column *values, int64_t from, int count, uint8_t *out);

/* ---- the whole ---- */

enum {
  TL__MOST_TEXT = 1 << 20,
  TL__MOST_DEPTH = 64,
  TL__MOST_LIST = 4096,
  TL__MOST_COLUMNS = 1024,
  TL__BLOCK = 1024, /* rows that are looked at together */
};

struct tl_predicate {
  tl_env *env;
  tl_arena tree, bound; /* lifetimes: until the end, until the next binding */
  const char *text;
  size_t size;
  tl__term *root;
  const char **columns;
  int column_count;
  tl__subject *subjects; /* one a column */
  tl__test *tests;
  bool is_bound;
  double *scratch;  /* TL__BLOCK for each level that arithmetic can nest, and two */
  tl_buffer tables; /* while selecting: answers for entries of dictionaries */
};

/* Fills the tree and the columns from the text. */
tl_status tl__predicate_read(tl_predicate *p, tl_error *err) TL_MUST_CHECK;
/* TL_USAGE with the text, and the place marked in it. */
tl_status tl__predicate_complain(tl_error *err, const tl_predicate *p, tl__place place, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
