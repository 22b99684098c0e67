/* See expect.h. */
#include "expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void end_unless(bool is_so, const char *what, const char *why)
{
    if (is_so)
        return;
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(1);
}

void expect(bool is_so, const char *what)
{
    end_unless(is_so, what, "is not so");
}

void expect_ok(iscep_status status, const char *what, const iscep_error *err)
{
    end_unless(status == ISCEP_OK, what, err != NULL ? err->message : "did not succeed");
}
