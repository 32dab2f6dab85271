/* Everything that tickloom offers to other programs. */
#ifndef TICKLOOM_TICKLOOM_H
#define TICKLOOM_TICKLOOM_H

#include "tickloom/definition.h"
#include "tickloom/features.h"
#include "tickloom/parquet.h"
#include "tickloom/status.h"
#include "tickloom/version.h"

#endif
