/* What a call says of itself: a status, and a text owned by the caller. */
#ifndef TICKLOOM_STATUS_H
#define TICKLOOM_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define TL_API __attribute__((visibility("default")))
#define TL_MUST_CHECK __attribute__((warn_unused_result))

typedef enum tl_status {
  TL_OK = 0,
  TL_USAGE,       /* the caller asked for something that makes no sense */
  TL_DEFINITION,  /* the .loom text is wrong */
  TL_CORRUPT,     /* data from outside is not what its format promises, or is out of order */
  TL_UNSUPPORTED, /* legal, but not something this version reads */
  TL_NOT_FOUND,   /* no such file, folder, column or stream */
  TL_IO,          /* the operating system refused: disk full, no permission, too many files */
  TL_MEMORY,      /* no memory, or beyond the budget of the run */
  TL_BUSY,        /* in use by another run */
  TL_CANCELLED,   /* a signal asked the run to stop */
  TL_STATUS_COUNT
} tl_status;

/* Zeroed is a valid empty error. The text says what was expected and what was found. */
typedef struct tl_error {
  tl_status status;
  char text[1400];
} tl_error;

/* A short English name of a status, never NULL. */
TL_API const char *tl_status_name(tl_status status);

#ifdef __cplusplus
}
#endif
#endif
