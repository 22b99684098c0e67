/* Times of the connector's documents, as a person wants them: how long ago, or how soon. */
#ifndef ISCEP_CTL_WHEN_H
#define ISCEP_CTL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* "now", "in 40 s", "in 12 min", "3 h ago", "2 days ago" */
#define CTL_WHEN_SIZE 40
void ctl_when_emit(char out[CTL_WHEN_SIZE], int64_t unix_ms, int64_t now_unix_ms);

#endif
