/* See status_page.h. */
#include "daemon/status_page.h"

#include <string.h>

#include "base/digest.h"

enum { MAX_POLICY_LEN = 1024 };

/* status_page.html, as embed.cmake writes it down. */
extern const unsigned char iscep_status_page_html[];
extern const size_t iscep_status_page_html_len;

/* What stands between two marks, each of which is there once. */
static iscep_bytes between(iscep_bytes page, const char *begin, const char *end)
{
    const uint8_t *from = memmem(page.data, page.len, begin, strlen(begin));
    if (from == NULL)
        return (iscep_bytes){0};
    from += strlen(begin);
    const uint8_t *to = memmem(from, page.len - (size_t)(from - page.data), end, strlen(end));
    return to != NULL ? iscep_bytes_of(from, (size_t)(to - from)) : (iscep_bytes){0};
}

/* " 'sha256-…'": this one text may be used as style, or as script, and no other. */
static iscep_status append_hash(iscep_buf *policy, const char *directive, iscep_bytes text, iscep_error *err)
{
    uint8_t hash[ISCEP_SHA256_LEN];
    iscep_status status = iscep_sha256(hash, text, err);
    if (status != ISCEP_OK)
        return status;
    iscep_buf_printf(policy, "; %s 'sha256-", directive);
    iscep_base64_encode(policy, iscep_bytes_of(hash, sizeof hash));
    iscep_buf_append_text(policy, "'");
    return ISCEP_OK;
}

static iscep_status emit_policy(iscep_buf *policy, iscep_bytes page, iscep_error *err)
{
    iscep_buf_append_text(policy, "default-src 'none'");
    iscep_status status = append_hash(policy, "style-src", between(page, "<style>", "</style>"), err);
    if (status == ISCEP_OK)
        status = append_hash(policy, "script-src", between(page, "<script>", "</script>"), err);
    /* img-src: the empty icon, without which a browser asks for /favicon.ico */
    iscep_buf_append_text(policy, "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                                  "frame-ancestors 'none'");
    return status != ISCEP_OK ? status : iscep_buf_status(policy, err);
}

void iscep_status_page_handle(iscep_exchange *exchange)
{
    const iscep_bytes page = iscep_bytes_of(iscep_status_page_html, iscep_status_page_html_len);
    ISCEP_AUTO_BUF policy;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&policy, MAX_POLICY_LEN);
    if (emit_policy(&policy, page, &err) != ISCEP_OK) {
        iscep_exchange_reply_error(exchange, 503, err.code, err.message);
        return;
    }
    const iscep_http_header headers[] = {{"Content-Security-Policy", iscep_buf_text(&policy)},
                                         {"X-Content-Type-Options", "nosniff"},
                                         {"X-Frame-Options", "DENY"},
                                         {"Referrer-Policy", "no-referrer"},
                                         {"Cross-Origin-Opener-Policy", "same-origin"},
                                         {"Cross-Origin-Resource-Policy", "same-origin"},
                                         {"Cache-Control", "no-store"}};
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 200,
                                                  .content_type = "text/html; charset=utf-8",
                                                  .body = page,
                                                  .headers = headers,
                                                  .header_count = sizeof headers / sizeof *headers});
}
