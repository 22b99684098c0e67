/*
 * net/http_server with the API behind it, as intune-scepd serves its socket: the input is all that a client
 * sends on one connection. The service never says yes here, so no bytes whatever may get an answer that allows: every
 * reply is well-formed, of a documented status, and 200 only for "I am alive". The connection always comes to its end.
 */
#include <event2/util.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/fake_cloud.h"
#include "tests/fuzz/fake_service.h"
#include "tests/fuzz/http_text.h"
#include "tests/support/open_api.h"

enum { MAX_OUTPUT_LEN = 16 * 1024 * 1024, READ_LEN = 4096, MAX_PASSES = 1000 };

#define OK_BODY "{\"status\":\"ok\"}\n"

/* --- what came back --- */

static bool is_documented(int status)
{
    static const int statuses[] = {200, 400, 403, 404, 405, 408, 413, 415, 431, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i] == status)
            return true;
    return false;
}

/* Takes one CRLF-ended line of a head off rest. */
static iscep_bytes take_head_line(iscep_bytes *rest)
{
    iscep_bytes line = http_text_take_line(rest);
    FUZZ_CHECK(line.len > 0 && line.data[line.len - 1] == '\r');
    line.len--;
    return line;
}

/* Status and Content-Length of the reply whose head it takes off rest. */
static int take_head(iscep_bytes *rest, size_t *body_len)
{
    char line[64] = "";
    unsigned length_count = 0;
    iscep_bytes at = take_head_line(rest);
    FUZZ_CHECK(at.len > 13 && memcmp(at.data, "HTTP/1.1 ", 9) == 0 && at.data[12] == ' ');
    int status = (at.data[9] - '0') * 100 + (at.data[10] - '0') * 10 + (at.data[11] - '0');
    *body_len = 0;
    while ((at = take_head_line(rest)).len > 0) {
        iscep_bytes name, value;
        FUZZ_CHECK(http_text_split_field(at, &name, &value));
        if (!iscep_bytes_equal(name, iscep_bytes_of_text("Content-Length")))
            continue;
        FUZZ_CHECK(value.len < sizeof line);
        memcpy(line, value.data, value.len);
        *body_len = strtoul(line, NULL, 10);
        length_count++;
    }
    FUZZ_CHECK(length_count == (status == 100 ? 0 : 1));
    return status;
}

/* Only a reply to HEAD has no body: behind its head comes the next reply, or nothing. */
static bool is_to_head(iscep_bytes input, iscep_bytes behind_head)
{
    static const char next[] = "HTTP/1.1 ";
    const bool is_bare = behind_head.len == 0 || (behind_head.len > sizeof next - 1 &&
                                                  memcmp(behind_head.data, next, sizeof next - 1) == 0);
    return is_bare && memmem(input.data, input.len, "HEAD ", 5) != NULL;
}

static void check_replies(iscep_bytes input, iscep_bytes rest)
{
    while (rest.len > 0) {
        size_t body_len;
        int status = take_head(&rest, &body_len);
        if (is_to_head(input, rest))
            body_len = 0;
        FUZZ_CHECK(body_len <= rest.len);
        iscep_bytes body = iscep_bytes_of(rest.data, body_len);
        rest = iscep_bytes_of(rest.data + body_len, rest.len - body_len);
        if (status == 100)
            continue;
        FUZZ_CHECK(is_documented(status));
        FUZZ_CHECK((status == 200) == iscep_bytes_equal(body, iscep_bytes_of_text(OK_BODY)));
        FUZZ_CHECK(memmem(body.data, body.len, "verdict\":\"allow", 15) == NULL);
    }
}

/* --- the connection --- */

/* Writes what fits of input and reads what is there; closes its sending half behind the last byte. */
static void exchange_bytes(int fd, iscep_bytes *input, bool *is_shut, iscep_buf *output)
{
    ssize_t sent = input->len == 0 ? 0 : send(fd, input->data, input->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        *input = iscep_bytes_of(input->data + sent, input->len - (size_t)sent);
    if (input->len == 0 && !*is_shut)
        *is_shut = shutdown(fd, SHUT_WR) == 0;
    ssize_t got;
    do {
        uint8_t *room = iscep_buf_reserve(output, READ_LEN);
        FUZZ_CHECK(room != NULL);
        got = recv(fd, room, READ_LEN, MSG_DONTWAIT);
        output->len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
}

static void converse(fake_cloud *cloud, iscep_http_server *server, iscep_bytes input, iscep_buf *output)
{
    int pair[2];
    bool is_shut = false, is_over = false;
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    evutil_make_socket_nonblocking(pair[1]);
    iscep_http_server_adopt(server, pair[1], NULL, 0);
    for (unsigned pass = 0; pass < MAX_PASSES && !is_over; pass++) {
        exchange_bytes(pair[0], &input, &is_shut, output);
        (void)fake_cloud_run(cloud, &is_over);
        is_over = iscep_http_server_connection_count(server) == 0;
    }
    exchange_bytes(pair[0], &(iscep_bytes){0}, &(bool){true}, output);
    FUZZ_CHECK(iscep_http_server_connection_count(server) == 0);
    close(pair[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fake_cloud cloud;
    iscep_http_server *server = NULL;
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    ISCEP_AUTO_BUF output;
    iscep_buf_init(&output, MAX_OUTPUT_LEN);
    fake_cloud_init(&cloud);
    iscep_service *service = fake_service_new(cloud.loop);
    open_api open;
    FUZZ_CHECK(open_api_make(&open, &cloud.env.env, cloud.intune, service, 20000));
    open.config.listeners[0].serves = ~(uint32_t)ISCEP_SERVES_STATUS; /* its page is 200, too */
    FUZZ_CHECK(iscep_http_server_new(&server, &cloud.env.env, cloud.loop, &limits, iscep_api_handle,
                                     &open.in_force, NULL) == ISCEP_OK);
    converse(&cloud, server, iscep_bytes_of(data, size), &output);
    check_replies(iscep_bytes_of(data, size), iscep_buf_bytes(&output));
    iscep_http_server_free(server);
    fake_cloud_clear(&cloud);
    fake_service_free(service);
    open_api_clear(&open);
    return 0;
}
