/*
 * The connector (connector/daemon/core.h) inside a SCEP server's process: on a thread of its own, with the configuration of
 * intune-scepd, but for what belongs to a process, and asked over a private socket.
 */
#ifndef ISCEP_PLUGIN_EMBEDDED_H
#define ISCEP_PLUGIN_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ISCEP_EMBEDDED_ADDRESS_SIZE 64

typedef struct iscep_embedded iscep_embedded;

typedef struct iscep_embedded_options {
    const char *config_path;
    const char *address; /* of its private socket, for connections of this process and its children */
    /* A Unix socket besides, for intune-scepctl; empty: none. What the configuration says of listeners is not looked at. */
    const char *socket_path;
    /* One event of its log, by a level of scep_host.log; from any of its threads. */
    void (*log)(void *user, int32_t level, const char *event, const char *text);
    void *log_user;
} iscep_embedded_options;

/* An address that nobody can guess: "@" and a name. False: the system has no random numbers. */
bool iscep_embedded_address_make(char out[ISCEP_EMBEDDED_ADDRESS_SIZE]);

/*
 * Returns when it can be asked. options are borrowed until stop. Otherwise SCEP_ERR_CONFIG, SCEP_ERR_UNAVAILABLE or
 * SCEP_ERR_NOMEM, and why says why.
 */
int32_t iscep_embedded_start(iscep_embedded **out, const iscep_embedded_options *options, char *why,
                             size_t why_size);
/* Answers what is in flight, and ends. From any thread but its own. */
void iscep_embedded_stop(iscep_embedded *embedded);

/*
 * For a process that exits and has not closed: ends the threads before anything that they use ends itself. Who waits for an
 * answer gets RETRY; what is owed is on disk. Waits five seconds at most.
 */
void iscep_embedded_abandon(iscep_embedded *embedded);

#endif
