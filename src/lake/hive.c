#include "lake/hive.h"
#include <stdio.h>
#include <string.h>
#include "base/text.h"

static bool read_canonical(const char *text, int64_t *value) {
  char again[32];
  if (!tl_int_read(text, strlen(text), value)) return false;
  snprintf(again, sizeof again, "%lld", (long long)*value);
  return strcmp(again, text) == 0;
}

static const char *hive_value(const tl_dataset_file *f, const char *name) {
  for (int i = 0; i < f->key_count; i++)
    if (strcmp(f->keys[i].name, name) == 0) return f->keys[i].value;
  return NULL;
}

tl_field tl_hive_field(const tl_dataset *dataset, const char *name) {
  bool integers = true, dates = strcmp(name, "date") == 0;
  int64_t value;
  for (size_t i = 0; i < dataset->count; i++) {
    const char *text = hive_value(&dataset->files[i], name);
    if (text == NULL) continue;
    integers &= read_canonical(text, &value);
    dates &= tl_date_read(text, strlen(text), &value);
  }
  if (dates) return (tl_field){.name = name, .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE, .nullable = true};
  if (integers) return (tl_field){.name = name, .physical = TL_PHYSICAL_INT64, .nullable = true};
  return (tl_field){.name = name, .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING, .nullable = true};
}

tl_status tl_hive_fill(const tl_dataset_file *file, const tl_field *f, int64_t rows, tl_column *c, tl_error *err) {
  const char *text = hive_value(file, f->name);
  int64_t value = 0;
  TL_TRY(tl_column_reset(c, f, rows, err));
  if (text != NULL && f->logical == TL_LOGICAL_DATE)
    tl_date_read(text, strlen(text), &value);
  else if (text != NULL)
    tl_int_read(text, strlen(text), &value);
  size_t width = (size_t)tl_field_width(f);
  for (int64_t i = 0; i < rows; i++) {
    if (width > 0)
      memcpy(c->values + (size_t)i * width, &value, width);
    else {
      if (text != NULL) TL_TRY(tl_buffer_append(&c->bytes, text, strlen(text), err));
      c->offsets[i + 1] = (int64_t)c->bytes.size;
    }
  }
  return text == NULL && rows > 0 ? tl_column_set_null(c, 0, rows, err) : TL_OK;
}
