#include "pack/odd.h"
#include <math.h>
#include <string.h>

static const tl_column *column_of(const tl_batch *b, const char *name, tl_physical type) {
  int child = tl_schema_child(b->schema, name);
  const tl_column *c = child >= 0 ? &b->columns[child].column : NULL;
  return c != NULL && c->field.physical == type ? c : NULL;
}

static double double_at(const tl_column *c, int64_t row) {
  double v;
  memcpy(&v, c->values + 8 * row, sizeof v);
  return tl_column_is_valid(c, row) ? v : NAN;
}

static const int64_t *integers_of(const tl_column *c) { return (const int64_t *)(const void *)c->values; }

static void count_quotes(tl_odd *odd, const tl_batch *b, int64_t from) {
  const tl_column *bids = column_of(b, "bp0", TL_PHYSICAL_DOUBLE), *asks = column_of(b, "sp0", TL_PHYSICAL_DOUBLE);
  if (bids == NULL || asks == NULL) return;
  for (int64_t row = from; row < b->rows; row++) {
    double bid = double_at(bids, row), ask = double_at(asks, row);
    odd->missing_sides += isnan(bid) || isnan(ask);
    odd->crossed += bid > ask;
  }
}

static void count_volumes(tl_odd *odd, tl_odd_state *s, const tl_batch *b, int64_t from) {
  const tl_column *volumes = column_of(b, "volume", TL_PHYSICAL_INT64);
  for (int64_t row = from; volumes != NULL && row < b->rows; row++) {
    if (!tl_column_is_valid(volumes, row)) continue;
    int64_t volume = integers_of(volumes)[row];
    odd->resets += s->has_volume && volume < s->volume;
    s->volume = volume;
    s->has_volume = true;
  }
}

void tl_odd_count(tl_odd *odd, tl_odd_state *s, const tl_batch *b, int64_t from) {
  const tl_column *prices = column_of(b, "price", TL_PHYSICAL_DOUBLE);
  for (int64_t row = from; prices != NULL && row < b->rows; row++) odd->missing_prices += isnan(double_at(prices, row));
  count_quotes(odd, b, from);
  count_volumes(odd, s, b, from);
  for (int64_t row = from; row < b->rows; row++) {
    int64_t time = integers_of(&b->columns[0].column)[row];
    odd->equal_timestamps += s->any && time == s->time;
    s->time = time;
    s->any = true;
  }
}
