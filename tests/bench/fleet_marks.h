/* Moments that somebody else has written down while the fleet enrolled: faults, for the chart. */
#ifndef BENCH_FLEET_MARKS_H
#define BENCH_FLEET_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FLEET_MAX_MARKS 64

typedef struct fleet_mark {
    int64_t at_unix_ms;
    char text[80];
} fleet_mark;

typedef struct fleet_marks {
    fleet_mark marks[FLEET_MAX_MARKS];
    size_t count;
} fleet_marks;

/*
 * Lines "EPOCH_MS TEXT". Other lines are left out, as are those beyond the maximum: a chart is drawn in any case. A file that is
 * not there has none. CONFIG: it cannot be read.
 */
iscep_status fleet_marks_read(fleet_marks *out, const char *path, iscep_error *err) ISCEP_CHECKED;

#endif
