/* What lives only while a dataset is opened; shared by the three files that do it: bind.c (names to columns), index.c (rows to
   streams) and input.c (the whole). */
#ifndef TL_RUN_OPENER_H
#define TL_RUN_OPENER_H

#include "run/keys.h"
#include "run/select.h"

typedef struct tl_opener {
  tl_input_set *set;
  const tl_input_options *options;
  tl_page_scratch scratch;
  tl_key_reader keys;
  tl_selector selector;
  int64_t *order; /* keys of the rows at hand */
  size_t order_capacity;
  tl_column order_column;
  bool *seen;                /* inputs that some file has */
  bool *as_number;           /* inputs that are counted with: a time must be declared to be one */
  bool *key_seen;            /* --key settings whose column some file has */
  bool order_seen, any_seen; /* some file has the order key; some file could be read at all */
  int64_t *last_part;        /* of each stream: its newest part */
  size_t last_part_capacity;
  bool indexing;      /* streams may have rows of the file at hand */
  bool parts_dropped; /* there would be too many, or they would be of no use */
  size_t group_capacity;
  bool *wanted; /* groups of the file at hand; NULL: all */
  size_t wanted_capacity;
} tl_opener;

/* bind.c */
tl_status tl__bind_begin(tl_opener *opener, tl_error *err) TL_MUST_CHECK;
/* Settles which columns the opened file gives; `first`: no file before it was bound. */
tl_status tl__bind_file(tl_opener *opener, int index, const tl_parquet *file, bool *first, tl_error *err) TL_MUST_CHECK;
/* What no file has is an error of the definition, not of the files. */
tl_status tl__bind_check(const tl_opener *opener, tl_error *err) TL_MUST_CHECK;

/* index.c */
tl_status tl__index_file(tl_opener *opener, int index, tl_parquet *file, tl_error *err) TL_MUST_CHECK;
/* Parts into the order of their streams, once every file is indexed. */
tl_status tl__index_finish(tl_opener *opener, tl_error *err) TL_MUST_CHECK;
/* The file is out: so is every stream that is known to have rows in it. */
tl_status tl__input_fail_file(tl_opener *opener, int index, const tl_error *why, tl_error *err) TL_MUST_CHECK;

#endif
