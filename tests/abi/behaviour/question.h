/* A question to a plugin, in one of its two forms, and how the answer is written down. For threads and forked children, too. */
#ifndef TESTS_ABI_BEHAVIOUR_QUESTION_H
#define TESTS_ABI_BEHAVIOUR_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "scep_plugin.h"

enum { QUESTION_FILE_MAX = 16384, QUESTION_LINE_SIZE = 256 };

typedef enum question_kind { QUESTION_VERIFY, QUESTION_ISSUED, QUESTION_FAILED } question_kind;

typedef struct question {
    question_kind kind;
    bool is_event_form; /* begin, poll, finish */
    bool has_room;      /* for a certificate of before */
    uint32_t timeout_ms;
    uint32_t error_code; /* of FAILED */
    const char *transaction_id;
    uint8_t csr[QUESTION_FILE_MAX];
    size_t csr_len;
    uint8_t cert[QUESTION_FILE_MAX]; /* of ISSUED; afterwards, with DELIVER, the one of before */
    size_t cert_len;
} question;

/* False: it cannot be read, or is too large. */
bool question_load(uint8_t out[QUESTION_FILE_MAX], size_t *out_len, const char *path);

/* line: "ALLOW Success", "RETRY connector_timeout", "DELIVER CODE"; or what the call itself returned: "ERR 1". */
void question_ask(char line[QUESTION_LINE_SIZE], const scep_plugin *plugin, scep_instance *instance,
                  question *asked);

#endif
