/* The version of these headers. */
#ifndef TICKLOOM_VERSION_H
#define TICKLOOM_VERSION_H

#include "tickloom/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TICKLOOM_VERSION "0.1.0"
/* The version of the library that is linked. */
TL_API const char *tl_version(void);

#ifdef __cplusplus
}
#endif
#endif
