/* A journal, a service and a revoker that only remember what they were asked for, and answer what the test says. */
#ifndef ISCEP_TESTS_FAKE_JOURNAL_H
#define ISCEP_TESTS_FAKE_JOURNAL_H

#include <stdbool.h>

#include "base/error.h"

/* What was asked last, as text: "trace 1 A1 limit 100", "retry of contoso 3 5", "purge all". Empty: nothing. */
typedef struct fake_journal {
    char asked[512];
    unsigned woken;
    unsigned polled;
    bool is_poll_off;
    const char *leader;   /* who polls instead; NULL: we do */
    const char *document; /* of what answers with one */
    int64_t count;        /* of what answers with a number */
    iscep_error fault;    /* its status is not ISCEP_OK: the answer to everything */
} fake_journal;

extern fake_journal journal_asked;
void fake_journal_reset(void);

#endif
