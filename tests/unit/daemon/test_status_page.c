/* The page comes with a policy that lets exactly its own style and script in, by their hashes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "daemon/status_page.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

static iscep_env env;
static loop_thread on;
static iscep_http_server *server;
static temp_dir dir;
static peer_reply reply;

static void handle(iscep_exchange *exchange, void *user)
{
    (void)user;
    iscep_status_page_handle(exchange);
}

static void set_up(void)
{
    char path[128];
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    env = iscep_env_system(NULL);
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "socket");
    loop_thread_make(&on);
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, handle, NULL, NULL), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, path, 0600, NULL), ISCEP_OK);
    loop_thread_start(&on);
    peer_ask(peer_connect_unix(path), "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, &reply);
}

static void tear_down(void)
{
    peer_reply_clear(&reply);
    loop_thread_stop(&on);
    iscep_http_server_free(server);
    iscep_loop_free(on.loop);
    temp_dir_remove(&dir);
}

TestSuite(status_page, .init = set_up, .fini = tear_down);

/* What a browser would compute of the element's text. */
static void emit_hash(iscep_buf *out, const char *element)
{
    char begin[32], end[32];
    uint8_t hash[ISCEP_SHA256_LEN];
    snprintf(begin, sizeof begin, "<%s>", element);
    snprintf(end, sizeof end, "</%s>", element);
    const char *page = iscep_buf_text(&reply.body), *from = strstr(page, begin) + strlen(begin);
    const char *to = strstr(from, end);
    cr_assert_null(strstr(to, begin), "two of <%s>", element);
    cr_assert_eq(iscep_sha256(hash, iscep_bytes_of(from, (size_t)(to - from)), NULL), ISCEP_OK);
    iscep_base64_encode(out, iscep_bytes_of(hash, sizeof hash));
}

Test(status_page, only_its_own_style_and_script_are_let_in)
{
    ISCEP_AUTO_BUF policy;
    iscep_buf_init(&policy, 1024);
    iscep_buf_append_text(&policy, "default-src 'none'; style-src 'sha256-");
    emit_hash(&policy, "style");
    iscep_buf_append_text(&policy, "'; script-src 'sha256-");
    emit_hash(&policy, "script");
    iscep_buf_append_text(&policy,
                          "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                          "frame-ancestors 'none'");
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Security-Policy"), iscep_buf_text(&policy));
}

Test(status_page, is_not_kept_framed_sniffed_or_told_of)
{
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "text/html; charset=utf-8");
    cr_assert_str_eq(peer_reply_header(&reply, "X-Content-Type-Options"), "nosniff");
    cr_assert_str_eq(peer_reply_header(&reply, "X-Frame-Options"), "DENY");
    cr_assert_str_eq(peer_reply_header(&reply, "Referrer-Policy"), "no-referrer");
    cr_assert_str_eq(peer_reply_header(&reply, "Cache-Control"), "no-store");
}

/* An attribute that the policy would refuse, and what would take text for markup: not even by mistake. */
Test(status_page, has_no_way_from_text_to_markup)
{
    static const char *const never[] = {
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",   "new Function",
        " style=\"", " onclick",  "javascript:",        "http://",        "https://"};
    const char *page = iscep_buf_text(&reply.body);
    cr_assert(strncmp(page, "<!doctype html>", 15) == 0);
    cr_assert_not_null(strstr(page, "</html>"));
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        const char *found = strstr(page, never[i]);
        if (found != NULL &&
            strncmp(found, "http://www.w3.org/2000/svg'", 27) == 0) /* a name, not an address */
            found = strstr(found + 1, never[i]);
        cr_assert_null(found, "%.40s", found);
    }
}
