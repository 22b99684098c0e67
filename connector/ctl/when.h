/* Times of the connector's documents, as a person wants them: how long ago, or how soon. */
#ifndef ISCEP_CTL_WHEN_H
#define ISCEP_CTL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* "2026-11-22T07:20:00.000Z", and nothing else. text may be NULL. */
bool ctl_when_parse(const char *text, int64_t *unix_ms);

/* "now", "in 40 s", "in 12 min", "3 h ago", "2 days ago" */
#define CTL_WHEN_SIZE 40
void ctl_when_emit(char out[CTL_WHEN_SIZE], int64_t unix_ms, int64_t now_unix_ms);

#endif
