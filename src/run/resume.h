/* Going on with a stream where it ended: what of a plan's values has to be kept for that, and how it becomes the state of the windows
   again.

   The state of a window is a function of its last n rows, so windows are not kept but filled again, by the kernels themselves, from
   rows that are. Kept are, as deep as somebody reads them: columns, joins, what is given, recursions, and what is computed from these or from windows; what
   is computed from columns alone (pointwise, or as a lag) is computed again. Recursions keep their own state, a few doubles each.

   A record is what one stream keeps, in doubles: for each tl_kept, in order, its last min(depth, rows) values, oldest first; then the
   state of each recursion. */
#ifndef TL_RUN_RESUME_H
#define TL_RUN_RESUME_H

#include "run/plan.h"

typedef struct tl_kept {
  int32_t step, output;
  int64_t depth; /* rows before the end */
} tl_kept;

/* A step while windows are filled. */
typedef struct tl_again {
  int64_t rows;                 /* the step runs over so many rows before the end; 0: not at all */
  int32_t first_kept, end_kept; /* tl_resume.kept[first_kept .. end_kept): of its outputs */
  int32_t state;                /* of a recursion: doubles that a record has of its state; else 0 */
  int64_t state_at;             /* where, among those of all recursions */
} tl_again;

typedef struct tl_resume {
  tl_env *env;
  const tl_plan *plan;
  const char *why_not; /* records of this plan cannot be taken, for this reason, and nothing below is there; NULL: they can */
  tl_again *steps;     /* one a step of the plan */
  tl_kept *kept;
  int kept_count;
  int64_t depth;      /* rows before the end at which the filling begins: the greatest of all */
  int64_t state_size; /* doubles of all recursions */
  uint64_t layout;    /* equal for plans whose records mean the same */
} tl_resume;

/* The plan is borrowed. */
tl_status tl_resume_make(tl_resume *out, tl_env *env, const tl_plan *plan, tl_error *err) TL_MUST_CHECK;
/* The same records, as far as a plan that has some of the nodes can take them: each of two plans gives its own, one the recursions as well. */
tl_status tl_resume_part(tl_resume *out, const tl_resume *whole, const tl_plan *plan, bool recursions, tl_error *err) TL_MUST_CHECK;
void tl_resume_free(tl_resume *resume);
/* Doubles of the record of a stream of so many rows. */
int64_t tl_resume_size(const tl_resume *resume, int64_t rows);

#endif
