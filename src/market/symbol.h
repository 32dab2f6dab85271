/* Names of option contracts: a table of patterns, which a user can extend, and a matcher. A pattern is literal text, in which case does not
   count, with fields in braces:

     {underlying}   letters, digits, & . _ -, beginning with a letter         {letters}  the same of letters alone
     {yy} {yyyy}    year                       {mon} {mm}  month: jan.., 01..12       {m}  1..9, o, n, d
     {dd} {d}       day of two digits, of one or two
     [{dd}]         the day that makes it a weekly; see tl_symbol_read
     {strike}       a decimal, its point written . or p or d                  {strike/1000}  eight digits, in thousandths
     {cp}           c p ce pe call put         {pad}  any number of blanks

   Sources: NSE's names of contracts; the Options Symbology Initiative's 21 characters (OCC); Deribit's instrument names. */
#ifndef TL_MARKET_SYMBOL_H
#define TL_MARKET_SYMBOL_H

#include "base/arena.h"
#include "market/expiries.h"

typedef struct tl_symbol_pattern {
  const char *name, *text;
} tl_symbol_pattern;

typedef struct tl_symbols {
  tl_env *env;
  tl_arena arena;
  tl_symbol_pattern *patterns; /* the first that matches wins; those of a user stand before ours */
  size_t count, capacity;
} tl_symbols;

enum { TL_UNDERLYING = 64 };
typedef struct tl_contract {
  char underlying[TL_UNDERLYING]; /* upper case */
  int64_t expiry;                 /* days since 1970 */
  bool call, monthly;
  double strike;
  int year, month;         /* as the name has them */
  const char *pattern;     /* that read it */
  int64_t could_be_weekly; /* days since 1970 of the weekly that the calendar lacks, where the name could be one; else INT64_MIN */
} tl_contract;

/* Our patterns; those of a file before them (lines "name pattern", # begins a comment), if path is not NULL. TL_USAGE names line and reason. */
tl_status tl_symbols_open(tl_symbols *out, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
void tl_symbols_free(tl_symbols *symbols);
/* Reads a name and joins its expiry: of a monthly by year and month, of a weekly by its very day, and names that carry their date by that. Two
   digits behind the month are a weekly's day if the calendar has a weekly of that underlying on that day, else they belong to the strike.
   TL_CORRUPT says why it is no contract: no pattern reads it, two read different contracts, or its expiry is not in the calendar. */
tl_status tl_symbol_read(tl_contract *out, const tl_symbols *symbols, const tl_expiries *calendar, const char *name, tl_error *err) TL_MUST_CHECK;
/* -1, 0 or 1 in the order of a tape: underlying, expiry, calls before puts, strike. */
int tl_contract_compare(const tl_contract *a, const tl_contract *b);

#endif
