/*
 * See gate.h. An entry is known again by its address: whatever else changes of a listener changes in place, but for a
 * socket file's mode and owner.
 */
#include "daemon/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "net/listener.h"
#include "net/tls.h"

enum { ADDRESS_SIZE = 300, UNWANTED = -1 };

typedef struct entry {
    LIST_ENTRY(entry) link;
    iscep_gate *gate;
    uint32_t number;
    char address[ADDRESS_SIZE];
    iscep_listener *listener;
    uint32_t file_mode; /* of a Unix socket's file, as it was made; likewise its owner */
    uid_t file_uid;
    gid_t file_gid;
    SSL_CTX *tls;
    int at; /* which listener of the configuration; UNWANTED until it is committed */
    /* What was prepared. */
    SSL_CTX *next_tls;
    int next_at; /* UNWANTED: it is to be closed */
} entry;

struct iscep_gate {
    const iscep_env *env;
    iscep_loop *loop;
    iscep_gate_events events;
    const iscep_systemd_sockets *inherited; /* NULL: none */
    LIST_HEAD(, entry) entries;
    uint32_t last_number;
};

static void on_accept(void *user, int fd)
{
    const entry *at = user;
    at->gate->events.on_accept(at->gate->events.user, fd, at->tls, at->number);
}

static void free_entry(entry *at)
{
    LIST_REMOVE(at, link);
    iscep_listener_close(at->listener);
    iscep_tls_server_free(at->tls);
    iscep_tls_server_free(at->next_tls);
    free(at);
}

iscep_status iscep_gate_new(iscep_gate **out, const iscep_env *env, iscep_loop *loop,
                            const iscep_systemd_sockets *inherited, const iscep_gate_events *events,
                            iscep_error *err)
{
    iscep_gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL)
        return iscep_error_nomem(err);
    *gate = (iscep_gate){.env = env, .loop = loop, .inherited = inherited, .events = *events};
    LIST_INIT(&gate->entries);
    *out = gate;
    return ISCEP_OK;
}

void iscep_gate_close(iscep_gate *gate)
{
    while (!LIST_EMPTY(&gate->entries))
        free_entry(LIST_FIRST(&gate->entries)); /* NOLINT(clang-analyzer-unix.Malloc): it has left the list */
}

void iscep_gate_free(iscep_gate *gate)
{
    if (gate == NULL)
        return;
    iscep_gate_close(gate);
    free(gate);
}

/* --- preparing --- */

static void emit_address(char out[ADDRESS_SIZE], const iscep_listener_options *options)
{
    if (options->systemd_name != NULL)
        snprintf(out, ADDRESS_SIZE, "systemd:%s", options->systemd_name);
    else if (options->at.unix_path != NULL)
        snprintf(out, ADDRESS_SIZE, "unix:%s", options->at.unix_path);
    else
        snprintf(out, ADDRESS_SIZE, "tcp:%s:%u", options->at.host, (unsigned)options->at.port);
}

static entry *find_entry(iscep_gate *gate, const char *address)
{
    entry *at;
    LIST_FOREACH(at, &gate->entries, link)
    if (strcmp(at->address, address) == 0)
        return at;
    return NULL;
}

static iscep_status open_listener(entry *into, const iscep_listener_options *options, iscep_error *err)
{
    iscep_gate *gate = into->gate;
    iscep_listen_options at = options->at;
    if (options->systemd_name != NULL) {
        at = (iscep_listen_options)ISCEP_LISTEN_OPTIONS_INIT;
        at.fd =
            gate->inherited != NULL ? iscep_systemd_dup_socket(gate->inherited, options->systemd_name) : -1;
        if (at.fd < 0)
            return iscep_error_set(
                err, ISCEP_CONFIG, "listen",
                "systemd has opened no socket named %s (FileDescriptorName= of a .socket unit); "
                "a socket that was added needs a restart",
                options->systemd_name);
    }
    into->file_mode = at.unix_mode;
    into->file_uid = at.unix_uid;
    into->file_gid = at.unix_gid;
    return iscep_listener_open(&into->listener, gate->env, gate->loop, &at, on_accept, into, err);
}

static iscep_status make_tls(SSL_CTX **out, const iscep_listener_options *options, iscep_error *err)
{
    const iscep_tls_options tls = {.chain_file = options->certificate_file,
                                   .key_file = options->key_file,
                                   .client_ca_file = options->client_ca_file,
                                   .is_client_required = options->is_client_certificate_required};
    return options->certificate_file == NULL ? ISCEP_OK : iscep_tls_server_make(out, &tls, err);
}

static iscep_status prepare_entry(iscep_gate *gate, const iscep_config *config, int index, iscep_error *err)
{
    const iscep_listener_options *options = &config->listeners[index];
    char address[ADDRESS_SIZE];
    emit_address(address, options);
    entry *at = find_entry(gate, address);
    iscep_status status = ISCEP_OK;
    if (at == NULL) {
        at = calloc(1, sizeof *at);
        if (at == NULL)
            return iscep_error_nomem(err);
        *at = (entry){.gate = gate, .number = ++gate->last_number, .at = UNWANTED};
        memcpy(at->address, address, sizeof at->address);
        LIST_INSERT_HEAD(&gate->entries, at, link);
        status = make_tls(&at->tls, options, err); /* who comes right after the opening finds it */
        if (status == ISCEP_OK)
            status = open_listener(at, options, err);
    }
    at->next_at = index;
    if (status == ISCEP_OK &&
        options->systemd_name != NULL) /* also one that is open: who may come may be another */
        status = iscep_config_check_inherited(config, options, iscep_listener_fd(at->listener), err);
    if (status == ISCEP_OK)
        status = make_tls(&at->next_tls, options, err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, options->name);
    return status;
}

static entry *next_of(entry *at)
{
    return LIST_NEXT(at, link);
}

static void cancel(iscep_gate *gate)
{
    entry *next;
    for (entry *at = LIST_FIRST(&gate->entries); at != NULL; at = next) {
        next = next_of(at);
        iscep_tls_server_free(at->next_tls);
        at->next_tls = NULL;
        if (at->at == UNWANTED)
            free_entry(at);
    }
}

iscep_status iscep_gate_prepare(iscep_gate *gate, const iscep_config *config, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    entry *at;
    LIST_FOREACH(at, &gate->entries, link)
    at->next_at = UNWANTED;
    for (size_t i = 0; i < config->listener_count && status == ISCEP_OK; i++)
        status = prepare_entry(gate, config, (int)i, err);
    if (status != ISCEP_OK)
        cancel(gate);
    return status;
}

/* --- taking it --- */

void iscep_gate_number(iscep_gate *gate, iscep_doors *doors)
{
    const entry *at;
    LIST_FOREACH(at, &gate->entries, link)
    if (at->next_at != UNWANTED)
        iscep_doors_number(doors, (size_t)at->next_at, at->number);
}

void iscep_gate_commit(iscep_gate *gate)
{
    entry *next;
    for (entry *at = LIST_FIRST(&gate->entries); at != NULL; at = next) {
        next = next_of(at);
        if (at->next_at == UNWANTED) {
            gate->events.on_closed(gate->events.user, at->number);
            free_entry(at);
            continue;
        }
        if (at->at != UNWANTED && !iscep_tls_server_believes_same(at->tls, at->next_tls))
            gate->events.on_closed(gate->events.user,
                                   at->number); /* who has come was believed by other rules */
        at->at = at->next_at;
        iscep_tls_server_free(at->tls);
        at->tls = at->next_tls;
        at->next_tls = NULL;
    }
}

static const entry *entry_of(const iscep_gate *gate, size_t listener)
{
    const entry *at;
    LIST_FOREACH(at, &gate->entries, link)
    if (at->at == (int)listener)
        return at;
    return NULL;
}

bool iscep_gate_has_other_file(iscep_gate *gate, const iscep_config *config)
{
    char address[ADDRESS_SIZE];
    for (size_t i = 0; i < config->listener_count; i++) {
        const iscep_listen_options *wanted = &config->listeners[i].at;
        emit_address(address, &config->listeners[i]);
        const entry *at = wanted->unix_path != NULL ? find_entry(gate, address) : NULL;
        if (at != NULL && (at->file_mode != wanted->unix_mode || at->file_uid != wanted->unix_uid ||
                           at->file_gid != wanted->unix_gid))
            return true;
    }
    return false;
}

uint16_t iscep_gate_port(const iscep_gate *gate, size_t listener)
{
    const entry *at = entry_of(gate, listener);
    return at != NULL ? iscep_listener_port(at->listener) : 0;
}

int64_t iscep_gate_expires_unix(const iscep_gate *gate, size_t listener)
{
    const entry *at = entry_of(gate, listener);
    return at != NULL && at->tls != NULL ? iscep_tls_server_expires_unix(at->tls) : 0;
}
