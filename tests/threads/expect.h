/* What must be so; otherwise the program says what is not, and ends with 1. Without Criterion: see CMakeLists.txt. */
#ifndef ISCEP_TESTS_THREADS_EXPECT_H
#define ISCEP_TESTS_THREADS_EXPECT_H

#include <stdbool.h>

#include "base/error.h"

void expect(bool is_so, const char *what);
/* err says more; NULL: nothing more is known. */
void expect_ok(iscep_status status, const char *what, const iscep_error *err);

#endif
