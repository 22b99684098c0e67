/* A reply is JSON if it says so, or says nothing, and is. */
#include <criterion/criterion.h>

#include "net/http_json.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static iscep_status parse(const char *content_type, const char *body)
{
    const iscep_http_response response = {
        .status = 200, .content_type = content_type, .body = iscep_bytes_of_text(body)};
    ISCEP_AUTO_JSON *json = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_http_parse_json(&json, &response, &err);
    cr_assert_eq(json != NULL, status == ISCEP_OK);
    if (status != ISCEP_OK)
        cr_assert_str_eq(err.code, "json_malformed");
    return status;
}

Test(http_json, type_of_json_is_accepted_in_every_spelling)
{
    static const char *const types[] = {NULL,
                                        "application/json",
                                        "Application/JSON",
                                        "application/json;charset=utf-8",
                                        "application/json ; charset=utf-8",
                                        "application/json; odata.metadata=minimal"};
    for (size_t i = 0; i < COUNT(types); i++)
        cr_assert_eq(parse(types[i], "{\"code\":\"Success\"}"), ISCEP_OK, "case %zu", i);
}

Test(http_json, other_type_is_refused_whatever_the_body_says)
{
    static const char *const types[] = {
        "text/html",   "text/plain",       "", "application/jsonp", "json", "application/jso", "*/*",
        "text/json+x", "xapplication/json"};
    for (size_t i = 0; i < COUNT(types); i++)
        cr_assert_eq(parse(types[i], "{\"code\":\"Success\"}"), ISCEP_PROTOCOL, "case %zu", i);
}

Test(http_json, body_that_is_none_is_refused_whatever_the_type_says)
{
    cr_assert_eq(parse("application/json", "<html>"), ISCEP_PROTOCOL);
    cr_assert_eq(parse(NULL, "{"), ISCEP_PROTOCOL);
}
