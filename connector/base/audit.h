/*
 * The audit trail: one line of JSON for each security decision, each with the hash of the line before, so that a line that
 * was removed or changed is found.
 *
 *     iscep_audit_event(env->audit, "request_verified", ISCEP_LOG_TEXT("transaction_id", id), ISCEP_LOG_TEXT("verdict", "deny"));
 *
 * A line is with the system (write(2)) when the call returns, so it survives the end of the process. Never a secret, a
 * token, a challenge or a CSR. Any thread may write; the order of the lines is that in which they were chained.
 */
#ifndef ISCEP_BASE_AUDIT_H
#define ISCEP_BASE_AUDIT_H

#include "base/env.h"

typedef struct iscep_audit iscep_audit;

/*
 * destination: the absolute path of a file, made with mode 0600 and continued where its last line ends; or "journald".
 * env is borrowed. CONFIG if it cannot be opened, or its last line does not end the chain.
 */
iscep_status iscep_audit_open(iscep_audit **out, const iscep_env *env, const char *destination,
                              iscep_error *err) ISCEP_CHECKED;
void iscep_audit_close(iscep_audit *audit); /* nobody writes any more */
/* The file was moved away (log rotation): go on in a new one, whose first line names the old one's last hash. */
iscep_status iscep_audit_reopen(iscep_audit *audit, iscep_error *err) ISCEP_CHECKED;

/*
 * What was remembered elsewhere of an earlier process: its newest line. A trail that has no line yet goes on from there; one
 * that ends before it, or differently, was cut, and says so.
 */
void iscep_audit_recall(iscep_audit *audit, uint64_t seq, const char *hash);

/* audit NULL does nothing. A line that cannot be written is said in the log, once until one can be written again. */
void iscep_audit_write(iscep_audit *audit, const char *event, const iscep_log_field *fields, size_t count);
#define iscep_audit_event(audit, event, ...)                                                                 \
    iscep_audit_write((audit), (event), (const iscep_log_field[]){__VA_ARGS__},                              \
                      sizeof((const iscep_log_field[]){__VA_ARGS__}) / sizeof(iscep_log_field))

/* The newest line's number and hash (64 lower-case hex digits), to be remembered elsewhere. */
#define ISCEP_AUDIT_HASH_SIZE 65
uint64_t iscep_audit_head(iscep_audit *audit, char hash[ISCEP_AUDIT_HASH_SIZE]);

#endif
