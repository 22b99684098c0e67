/* base/json: accepted is JSON to the letter, and no less; it says the same when it is written out and read again. */
#include <string.h>

#include "base/json.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_json.h"

static void check_member(const iscep_json *json, iscep_bytes text, const char *name)
{
    static oracle_json_member wanted;
    FUZZ_CHECK(oracle_json_read(text, name, &wanted));
    FUZZ_CHECK((iscep_json_member(json, name) != NULL) == (wanted.count == 1));
    const char *found = iscep_json_text(json, name);
    FUZZ_CHECK((found != NULL) == (wanted.count == 1 && wanted.is_text));
    FUZZ_CHECK(found == NULL || strcmp(found, wanted.text) == 0);
}

static void check_round_trip(const iscep_json *json)
{
    ISCEP_AUTO_BUF first, second;
    ISCEP_AUTO_JSON *again = NULL;
    iscep_buf_init(&first, 16 * 1024 * 1024);
    iscep_buf_init(&second, 16 * 1024 * 1024);
    FUZZ_CHECK(iscep_json_emit(&first, json, NULL) == ISCEP_OK);
    FUZZ_CHECK(iscep_json_parse(&again, iscep_buf_bytes(&first), NULL) == ISCEP_OK);
    FUZZ_CHECK(iscep_json_emit(&second, again, NULL) == ISCEP_OK);
    FUZZ_CHECK(iscep_bytes_equal(iscep_buf_bytes(&first), iscep_buf_bytes(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_JSON *json = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_bytes text = iscep_bytes_of(data, size);
    if (iscep_json_parse(&json, text, &err) != ISCEP_OK) {
        FUZZ_CHECK(json == NULL && err.status == ISCEP_PROTOCOL && !oracle_json_read(text, "", NULL));
        return 0;
    }
    FUZZ_CHECK(oracle_json_read(text, "", NULL));
    check_member(json, text, "code");
    check_member(json, text, "value");
    check_round_trip(json);
    return 0;
}
