/* Whether rows lie in the order that a file claims, or in one that it does not claim: found out by reading. */
#ifndef TL_LAKE_ORDER_H
#define TL_LAKE_ORDER_H

#include "parquet/reader.h"

typedef enum tl_order_verdict {
  TL_ORDER_NONE,       /* no row group claims any */
  TL_ORDER_VERIFIED,   /* every row group is in the order that it claims */
  TL_ORDER_BROKEN,     /* a row comes before the one ahead of it */
  TL_ORDER_UNVERIFIED, /* it could not be found out: see the error */
} tl_order_verdict;

typedef struct tl_order {
  tl_order_verdict verdict;
  int64_t broken_row; /* of the file, the first one; -1 */
  bool across;        /* row groups follow each other in the same order, too */
  int64_t claiming;   /* row groups that claim an order */
  bool same;          /* all of them the same one */
} tl_order;

/* What the row groups claim, checked by reading their sorting columns. Claims are an order within a row group: keys ascending or
   descending, missing ones first or last whatever the direction, equal rows in any order. An error means that the verdict is
   TL_ORDER_UNVERIFIED. */
tl_status tl_order_verify(tl_order *out, const tl_parquet *file, tl_error *err) TL_MUST_CHECK;
/* Whether the whole file is in this order, whatever it claims: *broken_row is the first row that comes before the one ahead of it, or -1. Keys are leaves
   that are columns of the file; missing ones as they say. */
tl_status tl_order_verify_by(int64_t *broken_row, const tl_parquet *file, const tl_sorting *keys, int key_count, tl_error *err) TL_MUST_CHECK;
/* The same without reading: what is claimed. */
void tl_order_claimed(tl_order *out, const tl_meta *meta);

/* What one column's order is over the whole file. */
typedef struct tl_ascent {
  bool ascending; /* no value is below the one before it, and none is missing */
  bool strict;    /* and none is the same as the one before it */
  bool constant;  /* all are the same */
  int64_t rows;   /* read until that was known */
} tl_ascent;
/* Whether the statistics of the row groups leave it possible that a leaf ascends; false for leaves that repeat or lie in others. */
bool tl_ascent_is_possible(const tl_parquet *file, int leaf);
/* Reads a leaf that is a column of the file until it does not ascend. */
tl_status tl_ascent_find(tl_ascent *out, const tl_parquet *file, int leaf, tl_error *err) TL_MUST_CHECK;

#endif
