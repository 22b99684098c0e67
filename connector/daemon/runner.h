/*
 * A worker: a thread with a loop, an HTTP server on it, and the API of the configuration in force. The first is the main
 * thread itself, the keeper; the others have their own.
 */
#ifndef ISCEP_DAEMON_RUNNER_H
#define ISCEP_DAEMON_RUNNER_H

#include <openssl/types.h>

#include "base/metrics.h"
#include "daemon/api.h"
#include "net/limiter.h"

typedef struct iscep_runner iscep_runner;

/* The keeper's: env is copied, with metrics of its own. Everything given must outlive it. */
iscep_status iscep_runner_new_keeper(iscep_runner **out, const iscep_env *env, iscep_loop *loop,
                                     iscep_error *err) ISCEP_CHECKED;
/* Another one; its thread runs when this returns. */
iscep_status iscep_runner_new(iscep_runner **out, const iscep_env *env, iscep_error *err) ISCEP_CHECKED;
/* Opens its HTTP server, and its way to the journal (which of the keeper's is the journal itself, borrowed). */
iscep_status iscep_runner_open(iscep_runner *runner, iscep_journal *journal, iscep_limiter *limiter,
                               const iscep_http_server_options *options, iscep_error *err) ISCEP_CHECKED;
/* Closes what it opened, when its services are gone: first the journal (the keeper's is left alone), then the server. */
void iscep_runner_close_journal(iscep_runner *runner);
void iscep_runner_close_server(iscep_runner *runner);
/* Ends the thread. NULL is allowed. */
void iscep_runner_free(iscep_runner *runner);

/* call(user) on the runner's thread; returns when it has. From the keeper's thread only. */
void iscep_runner_call(iscep_runner *runner, iscep_callback call, void *user);

const iscep_env *iscep_runner_env(const iscep_runner *runner);
iscep_loop *iscep_runner_loop(iscep_runner *runner);
iscep_journal *iscep_runner_journal(iscep_runner *runner);
iscep_metrics *iscep_runner_metrics(iscep_runner *runner);
bool iscep_runner_is_keeper(const iscep_runner *runner);

/* On the runner's thread: requests that come from now on find this. */
void iscep_runner_enter(iscep_runner *runner, iscep_api *api);
iscep_api *iscep_runner_api(iscep_runner *runner);
/* For requests that others lend: an iscep_http_handler's user. */
void *iscep_runner_handler_user(iscep_runner *runner);

/* From the keeper's thread: a connection that was accepted. Takes fd; tls is borrowed. */
void iscep_runner_adopt(iscep_runner *runner, int fd, SSL_CTX *tls, uint32_t door);
void iscep_runner_close_door(iscep_runner *runner, uint32_t door);
void iscep_runner_set_options(iscep_runner *runner, const iscep_http_server_options *options);
/* drained(user) is called on the runner's thread. */
void iscep_runner_drain(iscep_runner *runner, iscep_callback drained, void *user);

/* When its loop last turned, by the monotonic clock. From any thread. */
int64_t iscep_runner_alive_mono_ms(const iscep_runner *runner);

#endif
