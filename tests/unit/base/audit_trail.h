/* An audit trail in a directory of the test's own: written, read as lines, put back otherwise, and checked. */
#ifndef ISCEP_TESTS_AUDIT_TRAIL_H
#define ISCEP_TESTS_AUDIT_TRAIL_H

#include "base/audit_chain.h"
#include "tests/support/fake_env.h"
#include "tests/support/temp_dir.h"

enum { MAX_TRAIL_LEN = 1024 * 1024, MAX_LINES = 32 };

/* Of the test that runs: between trail_set_up and trail_tear_down. */
extern fake_env world;
extern char path[128], old_path[128];
extern iscep_audit *audit;
extern iscep_error err;

void trail_set_up(void);
void trail_tear_down(void);

void trail_open(void);
void trail_close(void);
void trail_write(int count);           /* so many decisions */
void trail_refuse(const char *reason); /* it cannot be opened, because of this */

typedef struct trail {
    iscep_buf text;
    char *lines[MAX_LINES]; /* without their ends */
    size_t count;
} trail;

void write_file(const char *to, const char *text, size_t len, const char *mode);
void trail_load(trail *out, const char *from);
void trail_store(const trail *from); /* its lines, as path */
void trail_clear(trail *used);
void trail_make(trail *out, int lines); /* written, closed, loaded */

iscep_audit_chain trail_check_files(const char *const *files, size_t count,
                                    const iscep_audit_link *remembered);
iscep_audit_chain trail_check(void); /* path alone */
void trail_assert_sound(const iscep_audit_chain *chain, uint64_t lines);
void trail_assert_fault(const iscep_audit_chain *chain, iscep_audit_fault fault, uint64_t line);

#endif
