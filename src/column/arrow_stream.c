/* Streams of batches, out and in. */
#include <errno.h>
#include <string.h>
#include "column/arrow.h"

/* ---- out ---- */

typedef struct held_stream {
  tl_env *env;
  tl_arrow_source source;
  tl_error err;     /* the latest */
  bool ended;       /* at the end, or where it failed; it stays there */
  tl_status status; /* in which it ended */
} held_stream;

static int errno_of(tl_status status) {
  switch (status) {
    case TL_OK: return 0;
    case TL_MEMORY: return ENOMEM;
    case TL_UNSUPPORTED: return ENOSYS;
    case TL_NOT_FOUND: return ENOENT;
    case TL_USAGE:
    case TL_DEFINITION: return EINVAL;
    default: return EIO;
  }
}

static int stream_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
  held_stream *h = s->private_data;
  return errno_of(tl_arrow_schema_export(out, h->env, h->source.schema, &h->err));
}

static tl_status next_array(held_stream *h, struct ArrowArray *out) {
  TL_OWNED(tl_batch) batch = {0};
  TL_TRY(h->source.next(h->source.context, &batch, &h->err));
  return batch.rows > 0 ? tl_batch_export(&batch, false, NULL, out, &h->err) : TL_OK;
}

static int stream_next(struct ArrowArrayStream *s, struct ArrowArray *out) {
  held_stream *h = s->private_data;
  *out = (struct ArrowArray){0};
  if (h->ended) return errno_of(h->status);
  h->status = next_array(h, out);
  h->ended = out->release == NULL;
  return errno_of(h->status);
}

static const char *stream_error(struct ArrowArrayStream *s) {
  held_stream *h = s->private_data;
  return h->err.text[0] != 0 ? h->err.text : NULL;
}

static void stream_release(struct ArrowArrayStream *s) {
  held_stream *h = s->private_data;
  h->source.release(h->source.context);
  tl_release(h->env, h);
  s->release = NULL;
}

tl_status tl_arrow_stream_export(struct ArrowArrayStream *out, tl_env *env, tl_arrow_source source, tl_error *err) {
  held_stream *h;
  *out = (struct ArrowArrayStream){0};
  tl_status status = tl_allocate_zeroed(env, &h, 1, sizeof *h, err);
  if (status != TL_OK) {
    source.release(source.context);
    return status;
  }
  h->env = env;
  h->source = source;
  *out = (struct ArrowArrayStream){stream_schema, stream_next, stream_error, stream_release, h};
  return TL_OK;
}

/* ---- in ---- */

static void release_array(struct ArrowArray *a) {
  if (a->release != NULL) a->release(a);
  *a = (struct ArrowArray){0};
}

void tl_arrow_reader_free(tl_arrow_reader *r) {
  if (r->env == NULL) return;
  release_array(&r->array);
  if (r->foreign.release != NULL) r->foreign.release(&r->foreign);
  if (r->stream.release != NULL) r->stream.release(&r->stream);
  tl_arena_free(&r->arena);
  *r = (tl_arrow_reader){0};
}

static tl_status foreign_error(tl_arrow_reader *r, int code, tl_error *err) {
  const char *text = r->stream.get_last_error(&r->stream);
  return tl_fail(err, code == ENOMEM ? TL_MEMORY : TL_IO, "the stream fails: %s", text != NULL ? text : strerror(code));
}

static tl_status open_reader(tl_arrow_reader *r, tl_error *err) {
  if (r->stream.release == NULL) return tl_fail(err, TL_USAGE, "a stream that was released");
  int code = r->stream.get_schema(&r->stream, &r->foreign);
  if (code != 0) {
    r->foreign = (struct ArrowSchema){0};
    return foreign_error(r, code, err);
  }
  return tl_arrow_schema_import(&r->schema, &r->arena, &r->foreign, err);
}

tl_status tl_arrow_reader_open(tl_arrow_reader *out, tl_env *env, struct ArrowArrayStream *stream, tl_error *err) {
  *out = (tl_arrow_reader){.env = env, .arena = {.env = env}, .stream = *stream};
  *stream = (struct ArrowArrayStream){0};
  tl_status status = open_reader(out, err);
  if (status != TL_OK) tl_arrow_reader_free(out);
  return status;
}

/* The next array, or one that is released at the end. */
static tl_status fetch(tl_arrow_reader *r, tl_error *err) {
  release_array(&r->array);
  r->row = 0;
  int code = r->stream.get_next(&r->stream, &r->array);
  if (code == 0) return TL_OK;
  r->array = (struct ArrowArray){0};
  return foreign_error(r, code, err);
}

tl_status tl_arrow_reader_next(tl_arrow_reader *r, tl_batch *out, int64_t most_rows, tl_error *err) {
  TL_TRY(tl_batch_clear(out, err));
  while (r->array.release == NULL || r->row == r->array.length) {
    TL_TRY(fetch(r, err));
    if (r->array.release == NULL) return TL_OK;
  }
  int64_t rest = r->array.length - r->row, count = rest < most_rows ? rest : most_rows;
  TL_TRY(tl_batch_import(out, &r->foreign, &r->array, r->row, count, err));
  r->row += count;
  return TL_OK;
}
