/* The profile `tick`: fills at this row's price, a unit long or nothing. Lanes are streams; a lane takes the next stream as soon as its own has ended, where
   the strategy allows that. What the signals say is bits, one a lane, and positions are, too.

   A position is entered where `enter` is true, there is none, and the row is not its stream's first; it is left where `exit` is true, or at the stream's last
   row. Where both are true nothing is entered, and the row that a position was left at enters none. A position entered at the last row is left there. */
#ifndef TL_TRADE_TICK_H
#define TL_TRADE_TICK_H

#include "run/engine.h"
#include "trade/trades.h"

/* What trading costs: nothing, unless it is said. */
typedef struct tl_tick_costs {
  double fee;             /* share of each price, both ways */
  double slippage;        /* share by which entries are dearer and exits cheaper */
  int bid, ask;           /* used inputs at which positions are left and entered; -1: at the price */
  bool keeps_entry_times; /* somebody asks when positions were entered: a look at a column that is otherwise cold */
} tl_tick_costs;

typedef struct tl_tick_runner tl_tick_runner;

/* `plan`: of the definition's main frame with its two signals; its inputs are the tape's used ones, in order. */
tl_status tl_tick_open(tl_tick_runner **out, tl_env *env, const tl_tape *tape, const tl_plan *plan, tl_isa isa, int tile_rows, tl_tick_costs costs,
                       tl_error *err) TL_MUST_CHECK;
void tl_tick_close(tl_tick_runner *runner);
tl_status tl_tick_run(tl_tick_runner *runner, tl_tape_stretch stretch, tl_stretch_trades *out, tl_error *err) TL_MUST_CHECK;
/* Time in decoding, so far. */
int64_t tl_tick_decode_ns(const tl_tick_runner *runner);

#endif
