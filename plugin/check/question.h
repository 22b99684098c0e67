/* The three questions of the ABI as one kind of thing, so that what holds for one is tried with all. */
#ifndef CHECK_QUESTION_H
#define CHECK_QUESTION_H

#include "scep_plugin.h"

typedef enum question_kind { ASK_VERIFY, ASK_ISSUED, ASK_FAILED, QUESTION_KINDS } question_kind;
enum { QUESTION_MAX_FIELDS = 5 };

/* The struct's own size comes first in each. */
typedef union check_question {
    size_t size;
    scep_request request;
    scep_issued issued;
    scep_failed failed;
} check_question;

typedef struct question_type {
    const char *name;
    const char *begin_name;
    size_t size;
    size_t timeout_offset;
    size_t field_count;
    struct {
        const char *name;
        size_t offset; /* of a scep_bytes */
    } fields[QUESTION_MAX_FIELDS];
} question_type;

extern const question_type question_types[QUESTION_KINDS];

/* The first two fields of each. */
enum { FIELD_TRANSACTION_ID, FIELD_CSR };

/* A proper question about csr, which it borrows. */
check_question question_of(question_kind kind, scep_bytes csr, uint32_t timeout_ms);
scep_bytes *question_field(check_question *question, question_kind kind, size_t field);
uint32_t question_timeout_ms(const check_question *question, question_kind kind);

#endif
