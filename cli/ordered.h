/* Text that several threads make, unit after unit, printed in order: what lies behind the unit at hand waits in memory, bounded. */
#ifndef TL_CLI_ORDERED_H
#define TL_CLI_ORDERED_H

#include "base/buffer.h"

typedef struct cli_ordered cli_ordered;
/* Makes unit `unit` by way of cli_ordered_room; runs on any thread, `worker` of 0..threads-1. */
typedef tl_status (*cli_ordered_make)(void *context, int worker, size_t unit, cli_ordered *out, tl_buffer *text, tl_error *err);

/* Makes units 0..count-1. The first failure, in order of units, ends it; what was made before it is printed. */
tl_status cli_ordered_run(size_t count, int threads, cli_ordered_make make, void *context, tl_error *err) TL_MUST_CHECK;
/* Called now and then while a unit is made: prints or waits when its text is long. TL_CANCELLED: nobody wants the rest. */
tl_status cli_ordered_room(cli_ordered *out, size_t unit, tl_buffer *text, tl_error *err) TL_MUST_CHECK;

#endif
