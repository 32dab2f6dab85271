/* A definition: a .loom text, compiled. */
#ifndef TICKLOOM_DEFINITION_H
#define TICKLOOM_DEFINITION_H

#include <stddef.h>
#include <stdint.h>
#include "tickloom/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Compiled, immutable, may be shared by threads. */
typedef struct tl_definition tl_definition;

/* A parameter set from outside: `--param n=30`. */
typedef struct tl_param_setting {
  const char *name;
  double value;
} tl_param_setting;

/* Compiles the file at `path`. `settings` replace defaults of `param` statements. On success the caller owns *out.
   Errors: TL_NOT_FOUND, TL_DEFINITION with line, column, source line and caret, TL_USAGE for an unknown parameter. */
TL_API TL_MUST_CHECK tl_status tl_definition_open(tl_definition **out, const char *path, const tl_param_setting *settings, size_t setting_count, tl_error *err);
/* The same from a text; `name` stands for the path in errors. */
TL_API TL_MUST_CHECK tl_status tl_definition_read(tl_definition **out, const char *name, const char *text, const tl_param_setting *settings,
                                                  size_t setting_count, tl_error *err);
TL_API void tl_definition_close(tl_definition *definition);

/* Features first, then labels, in the order of the text. Names live as long as the definition. */
TL_API size_t tl_definition_output_count(const tl_definition *definition);
TL_API const char *tl_definition_output_name(const tl_definition *definition, size_t index);
/* A hash of the expanded graph, its parameters and the numerics version. */
TL_API uint64_t tl_definition_output_identity(const tl_definition *definition, size_t index);
/* Rows before the first row that can have a value. */
TL_API int64_t tl_definition_output_warmup(const tl_definition *definition, size_t index);

#ifdef __cplusplus
}
#endif
#endif
