/*
 * net/url: the check of an address that will get a bearer token. What passes is, in a second and simpler reading,
 * https, without user, query or fragment, at a host under an allowed suffix.
 */
#include <string.h>

#include "net/url.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_url.h"

static const char *const suffixes[] = {"manage.microsoft.com", "localhost"};
enum { SUFFIX_COUNT = sizeof suffixes / sizeof *suffixes };

static void check_join(const char *base)
{
    ISCEP_AUTO_BUF joined;
    iscep_buf_init(&joined, strlen(base) + 32);
    iscep_url_join(&joined, base, "/ScepActions/validateRequest");
    FUZZ_CHECK(!joined.is_overflown);
    FUZZ_CHECK(iscep_url_check(iscep_buf_text(&joined), suffixes, SUFFIX_COUNT, ISCEP_PROTOCOL, NULL) ==
               ISCEP_OK);
    FUZZ_CHECK(oracle_url_is_under(iscep_buf_text(&joined), suffixes, SUFFIX_COUNT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || memchr(data, '\0', size) != NULL)
        return 0; /* a C string is what the function takes */
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, size);
    iscep_buf_append(&text, data, size);
    const char *url = iscep_buf_text(&text);
    iscep_status status = iscep_url_check(url, suffixes, SUFFIX_COUNT, ISCEP_PROTOCOL, &err);
    FUZZ_CHECK(status == ISCEP_OK || status == ISCEP_PROTOCOL);
    if (status != ISCEP_OK)
        return 0;
    FUZZ_CHECK(oracle_url_is_under(url, suffixes, SUFFIX_COUNT));
    check_join(url);
    return 0;
}
