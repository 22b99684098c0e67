/*
 * The sockets that the daemon listens on, from one configuration to the next: what stays in it stays open, and nobody who
 * connects meanwhile is turned away. On the keeper's loop.
 */
#ifndef ISCEP_DAEMON_GATE_H
#define ISCEP_DAEMON_GATE_H

#include <openssl/types.h>

#include "daemon/config.h"
#include "daemon/door.h"
#include "daemon/systemd.h"

typedef struct iscep_gate iscep_gate;

typedef struct iscep_gate_events {
    /* Somebody has come; fd is the callee's, tls (NULL: plain) is borrowed. */
    void (*on_accept)(void *user, int fd, SSL_CTX *tls, uint32_t door);
    /* Who has come by this door is to leave: it is gone from the configuration, or it believes other certificates now. */
    void (*on_closed)(void *user, uint32_t door);
    void *user;
} iscep_gate_events;

/* inherited (borrowed): what address = systemd:NAME finds; NULL: nothing. */
iscep_status iscep_gate_new(iscep_gate **out, const iscep_env *env, iscep_loop *loop,
                            const iscep_systemd_sockets *inherited, const iscep_gate_events *events,
                            iscep_error *err) ISCEP_CHECKED;
/* Stops listening. NULL is allowed. */
void iscep_gate_free(iscep_gate *gate);

/* Opens what config wants and is not open yet, and reads all certificates. If that fails nothing has changed. */
iscep_status iscep_gate_prepare(iscep_gate *gate, const iscep_config *config, iscep_error *err) ISCEP_CHECKED;
/* From now on it is as prepared. The doors of config learn their numbers. */
void iscep_gate_number(iscep_gate *gate, iscep_doors *doors);
void iscep_gate_commit(iscep_gate *gate);
/* Nobody comes in any more; who has come is told nothing. */
void iscep_gate_close(iscep_gate *gate);

/* Does config want a socket file that is there to have another mode or owner? Those are given once, before anybody can connect. */
bool iscep_gate_has_other_file(iscep_gate *gate, const iscep_config *config);

/* Of listener i of the configuration: the TCP port that it has, 0: none; when its certificate ends, 0: it has none. */
uint16_t iscep_gate_port(const iscep_gate *gate, size_t listener);
int64_t iscep_gate_expires_unix(const iscep_gate *gate, size_t listener);

#endif
