/*
 * intune/token: Entra ID's reply. A token is used only if, in a second reading, the reply is JSON with exactly one
 * access_token of visible ASCII, type Bearer and a lifetime; it is then sent as it came, and never logged.
 *
 * Input: a line with the HTTP status in decimal, then the body.
 */
#include <string.h>
#include <strings.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/fake_cloud.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/oracle_json.h"
#include "tests/fuzz/oracle_text.h"

enum { MIN_CANARY_LEN = 24 }; /* a shorter token may be a word of the log by accident */

static bool has_lifetime(iscep_bytes body)
{
    static oracle_json_member lifetime;
    return oracle_json_read(body, "expires_in", &lifetime) && lifetime.count == 1 &&
           strtod(lifetime.text, NULL) > 0;
}

static void check_used(const fake_cloud *cloud)
{
    static char token[ORACLE_JSON_MAX_TEXT];
    iscep_bytes body = cloud->token.body;
    const char *text = oracle_json_text(body, "access_token");
    FUZZ_CHECK(cloud->token.status == 200 && text != NULL && oracle_is_visible_ascii(text));
    snprintf(token, sizeof token, "Bearer %s", text);
    FUZZ_CHECK(strcmp(cloud->action_authorization, token) == 0);
    const char *type = oracle_json_text(body, "token_type");
    FUZZ_CHECK(type != NULL && strcasecmp(type, "Bearer") == 0);
    FUZZ_CHECK(has_lifetime(body));
}

static void check_log(fake_cloud *cloud)
{
    const char *token = oracle_json_text(cloud->token.body, "access_token");
    if (cloud->token.status == 200 && token != NULL && strlen(token) >= MIN_CANARY_LEN)
        FUZZ_CHECK(strstr(fake_env_log(&cloud->env), token) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fake_cloud cloud;
    fake_cloud_init(&cloud);
    cloud.token.body = http_text_take_status(iscep_bytes_of(data, size), &cloud.token.status);
    iscep_verdict verdict = fake_cloud_validate(&cloud);
    FUZZ_CHECK(oracle_is_line(verdict.code) && oracle_is_line(verdict.message));
    FUZZ_CHECK(verdict.decision == (cloud.action_count > 0 ? ISCEP_DENY : ISCEP_RETRY)); /* REFUSAL_REPLY */
    if (cloud.action_count > 0)
        check_used(&cloud);
    check_log(&cloud);
    fake_cloud_clear(&cloud);
    return 0;
}
