/* A profile that a test reads: it must be readable, or is refused. */
#ifndef ISCEP_TESTS_PROFILE_CASE_H
#define ISCEP_TESTS_PROFILE_CASE_H

#include "profile/profile.h"

/* Of the last one that was read. */
extern iscep_profile profile;
extern iscep_error err;

void profile_case_tear_down(void);
void must_read(const char *text);
void expect_refusal(const char *text, const char *code);
void expect_name(const iscep_profile_name *name, const char *kind, const char *value);

#endif
