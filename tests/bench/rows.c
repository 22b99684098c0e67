/* See rows.h. */
#include "rows.h"

#include <string.h>

const bench_row *const bench_rows[BENCH_ROW_COUNT] = {&bench_row_curl, &bench_row_libiscep, &bench_row_daemon,
                                                      &bench_row_plugin};

const bench_row *const bench_door_rows[BENCH_DOOR_ROW_COUNT] = {&bench_row_unix, &bench_row_tls,
                                                                &bench_row_step_ca};

const bench_row *bench_row_find(const char *name)
{
    for (size_t i = 0; i < BENCH_ROW_COUNT; i++)
        if (strcmp(bench_rows[i]->name, name) == 0)
            return bench_rows[i];
    return NULL;
}
