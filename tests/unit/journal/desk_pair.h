/* Two nodes, node-a and node-b, that share a database. Where there is none (desk.h), there is only the first. */
#ifndef ISCEP_TESTS_JOURNAL_DESK_PAIR_H
#define ISCEP_TESTS_JOURNAL_DESK_PAIR_H

#include "desk.h"

void desk_pair_open(desk *a, desk *b);
void desk_pair_close(desk *a, desk *b);
/* The time of both goes by. */
void desk_pair_advance(desk *a, desk *b, int64_t ms);

#endif
