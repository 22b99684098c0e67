/*
 * intune/reply: the judge of Intune's answers. ALLOW only if HTTP 200 and, in a second and stricter reading of the
 * body, exactly one code that is exactly Success.
 *
 * Input: a line with the HTTP status in decimal, then the body.
 */
#include <string.h>

#include "intune/reply.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/oracle_json.h"
#include "tests/fuzz/oracle_text.h"

static void check_texts(const iscep_verdict *verdict)
{
    FUZZ_CHECK(memchr(verdict->code, '\0', sizeof verdict->code) != NULL);
    FUZZ_CHECK(memchr(verdict->message, '\0', sizeof verdict->message) != NULL);
    FUZZ_CHECK(oracle_is_line(verdict->code) && oracle_is_line(verdict->message));
    FUZZ_CHECK(verdict->decision == ISCEP_ALLOW || verdict->message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_http_response response = {.retry_after_ms = -1};
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_error none = ISCEP_ERROR_INIT;
    response.body = http_text_take_status(iscep_bytes_of(data, size), &response.status);
    iscep_reply_judge(&verdict, ISCEP_OK, &response, &none);
    check_texts(&verdict);

    const char *code = response.status == 200 ? oracle_json_text(response.body, "code") : NULL;
    bool is_success = code != NULL && strcmp(code, "Success") == 0;
    bool is_refusal = code != NULL && code[0] != '\0' && !is_success;
    FUZZ_CHECK(verdict.decision != ISCEP_ALLOW || is_success);
    FUZZ_CHECK(verdict.decision != ISCEP_DENY || is_refusal);
    FUZZ_CHECK(verdict.decision == (is_success ? ISCEP_ALLOW : is_refusal ? ISCEP_DENY : ISCEP_RETRY));
    return 0;
}
