/*
 * Configurations that come and go: one of those in a directory takes the place of the connector's, and the connector is told
 * (SIGHUP), at random moments whatever it is doing. Those whose name begins with "broken" must be refused; they never
 * stand there when the connector starts.
 */
#ifndef CHAOS_RELOADER_H
#define CHAOS_RELOADER_H

#include "program.h"
#include "tests/support/chance.h"

typedef struct chaos_reloader chaos_reloader;

typedef struct chaos_reloader_options {
    chaos_program *connector; /* borrowed; others may kill and start it meanwhile */
    const char *config;       /* the file that the connector reads, which is replaced */
    const char *directory;
    uint64_t seed;
} chaos_reloader_options;

iscep_status chaos_reloader_start(chaos_reloader **out, const chaos_reloader_options *options,
                                  iscep_error *err) ISCEP_CHECKED;
/* Nothing is replaced any more. NULL is allowed. */
void chaos_reloader_finish(chaos_reloader *reloader);
/* After chaos_reloader_finish: how often the connector was told; NULL: never. */
int64_t chaos_reloader_count(const chaos_reloader *reloader);
void chaos_reloader_free(chaos_reloader *reloader); /* NULL is allowed */

#endif
