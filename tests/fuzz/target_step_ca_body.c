/*
 * daemon/step_ca_body: what step-ca's webhooks say. What is taken from a body stands there once, in a second reading of its JSON;
 * DER is what its base64 says; a notification is of a certificate or of a failure, never of both.
 *
 * Input: a line "challenge" or "notify", then the body.
 */
#include <string.h>

#include "daemon/step_ca_body.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/oracle_json.h"
#include "tests/fuzz/oracle_text.h"

static oracle_json_member member; /* of the last reading */

/* How often it stands there; what it says is in member. */
static unsigned count(iscep_bytes text, const char *name)
{
    FUZZ_CHECK(oracle_json_read(text, name, &member));
    return member.count;
}

static void check_text(iscep_bytes text, const char *name, const char *got)
{
    unsigned times = count(text, name);
    FUZZ_CHECK(times == 0 ? got[0] == '\0' : times == 1 && member.is_text && strcmp(member.text, got) == 0);
}

/* der is what raw of the object called name says. */
static void check_der(iscep_bytes text, const char *name, const iscep_buf *der)
{
    static char object[ORACLE_JSON_MAX_TEXT];
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, 128 * 1024);
    FUZZ_CHECK(count(text, name) == 1 && !member.is_text);
    memcpy(object, member.text, sizeof object);
    const char *raw = oracle_json_text(iscep_bytes_of_text(object), "raw");
    iscep_base64_encode(&base64, iscep_buf_bytes(der));
    FUZZ_CHECK(raw != NULL && der->len > 0 && strcmp(raw, iscep_buf_text(&base64)) == 0);
}

static void check_failure(iscep_bytes text, const iscep_step_ca_body *body)
{
    FUZZ_CHECK(oracle_is_line(body->error_description));
    FUZZ_CHECK(count(text, "scepErrorDescription") <= 1 && (member.count == 0 || member.is_text));
    FUZZ_CHECK(count(text, "scepErrorCode") <= 1 && (member.count == 0 || !member.is_text));
    FUZZ_CHECK(body->error_code == 0 || member.count == 1);
    if (member.count == 1 && oracle_is_decimal(member.text, UINT32_MAX))
        FUZZ_CHECK(strtoull(member.text, NULL, 10) == body->error_code);
}

static void check_body(iscep_bytes text, const iscep_step_ca_body *body, bool is_challenge)
{
    FUZZ_CHECK(body->transaction_id.len > 0);
    check_text(text, "scepTransactionID", (const char *)body->transaction_id.data);
    check_der(text, "x509CertificateRequest", &body->csr);
    if (is_challenge) {
        check_text(text, "scepChallenge", body->challenge.len > 0 ? (const char *)body->challenge.data : "");
        return;
    }
    check_failure(text, body);
    if (count(text, "x509Certificate") == 0) {
        FUZZ_CHECK(body->cert.len == 0);
        return;
    }
    check_der(text, "x509Certificate", &body->cert);
    FUZZ_CHECK(body->error_code == 0 && body->error_description[0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_step_ca_body body;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_bytes text = iscep_bytes_of(data, size);
    const bool is_challenge = iscep_bytes_equal(http_text_take_line(&text), iscep_bytes_of_text("challenge"));
    iscep_status status = is_challenge ? iscep_step_ca_body_parse_challenge(&body, text, &err)
                                       : iscep_step_ca_body_parse_notification(&body, text, &err);
    if (status == ISCEP_OK)
        check_body(text, &body, is_challenge);
    else
        FUZZ_CHECK(status == ISCEP_USAGE && err.code[0] != '\0' && oracle_is_line(err.message) &&
                   (err.http_status == 400 || err.http_status == 413));
    iscep_step_ca_body_clear(&body);
    return 0;
}
