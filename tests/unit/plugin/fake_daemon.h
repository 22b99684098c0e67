/*
 * A stand-in for intune-scepd on a Unix socket of its own: reads whole requests, remembers them, and answers
 * with the bytes of a script, however wrong they are. One thread a connection.
 */
#ifndef TESTS_PLUGIN_FAKE_DAEMON_H
#define TESTS_PLUGIN_FAKE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fake_then {
    FAKE_KEEP,   /* wait for the next request on the connection */
    FAKE_CLOSE,  /* hang up */
    FAKE_DEAF,   /* take no more bytes (the client gets EPIPE), and keep the connection */
    FAKE_HANG,   /* keep the connection and say no more */
    FAKE_ENDLESS /* send one header field after the other until the client hangs up */
} fake_then;

/* The n-th step answers the n-th request; the last one answers all that follow. reply NULL: no bytes. */
typedef struct fake_step {
    const char *reply;
    fake_then then;
} fake_step;

/* As reply: the verdict that the transaction id begins with ("allow-1"), and the transaction id as message.
 */
extern const char fake_echo[];

typedef struct fake_request {
    size_t connection; /* counted from 0 in the order of accept */
    char head[4096];
    uint8_t body[160 * 1024];
    size_t body_len;
} fake_request;

typedef struct fake_daemon fake_daemon;

/* Listens when it returns. The script is borrowed. Aborts the test if the system refuses. */
fake_daemon *fake_daemon_start(const char *path, const fake_step *steps, size_t step_count);
/* Hangs up on everybody, removes the socket, joins its threads. */
void fake_daemon_stop(fake_daemon *daemon);

size_t fake_daemon_request_count(fake_daemon *daemon);
/* Until so many requests have come, whole; false if they do not come in time. */
bool fake_daemon_wait(fake_daemon *daemon, size_t count, uint32_t timeout_ms);
size_t fake_daemon_connection_count(fake_daemon *daemon);
/* Only the first 16 requests are remembered. */
const fake_request *fake_daemon_request(fake_daemon *daemon, size_t index);

/* Something on an open connection that no request asked for: bytes, or the end. */
void fake_daemon_inject(fake_daemon *daemon, size_t connection, const char *bytes);
void fake_daemon_hang_up(fake_daemon *daemon, size_t connection);

/* The value of a header field of the request; NULL if absent. Valid until the next call in this thread. */
const char *fake_request_header(const fake_request *request, const char *name);

/* A whole reply around a body of verdict lines; pass string literals only. */
#define FAKE_REPLY(status_line, length, body)                                                                \
    "HTTP/1.1 " status_line "\r\nContent-Type: text/plain\r\nContent-Length: " length "\r\n\r\n" body

/* The same with its length counted. Valid until 16 more are made. */
const char *fake_reply(const char *status_line, const char *body);

#define FAKE_ALLOW FAKE_REPLY("200 OK", "15", "verdict: allow\n")
#define FAKE_DENY                                                                                            \
    FAKE_REPLY("403 Forbidden", "82",                                                                        \
               "verdict: deny\ncode: ChallengeExpired\nmessage: Too late.\nrequestId: 2f4c-0000-guid\n")

#endif
