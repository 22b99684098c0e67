/* See door.h. */
#include "daemon/door.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/audit.h"
#include "base/log_gate.h"
#include "base/secret.h"
#include "daemon/peer.h"

enum { NO_DOOR = -1 };

/* Why somebody does not come in. */
typedef enum refusal {
    REFUSED_NOT,
    REFUSED_CLOSED,
    REFUSED_PEER,
    REFUSED_CERTIFICATE,
    REFUSED_TOKEN,
    REFUSED_HOST,
    REFUSAL_COUNT
} refusal;
static const char *const refusal_codes[REFUSAL_COUNT] = {"",
                                                         "listener_closed",
                                                         "peer_not_allowed",
                                                         "client_certificate_not_allowed",
                                                         "token_wrong",
                                                         "host_foreign"};

typedef struct door {
    const iscep_listener_options *options;
    int64_t number; /* NO_DOOR until it has one */
    iscep_secret *tokens[ISCEP_CONFIG_MAX_WORDS];
    size_t token_count;
    iscep_log_gate gates[REFUSAL_COUNT]; /* a stranger must not fill the disk */
} door;

struct iscep_doors {
    door doors[ISCEP_CONFIG_MAX_LISTENERS];
    size_t count;
    iscep_log_gate closed_gate;
};

/* --- making --- */

static iscep_status read_tokens(door *into, iscep_error *err)
{
    const iscep_config_words *files = &into->options->token_files;
    for (size_t i = 0; i < files->count; i++) {
        iscep_status status = iscep_secret_load(&into->tokens[i], files->words[i], err);
        if (status != ISCEP_OK)
            return status;
        into->token_count++;
    }
    return ISCEP_OK;
}

iscep_status iscep_doors_new(iscep_doors **out, const iscep_config *config, iscep_error *err)
{
    iscep_doors *doors = calloc(1, sizeof *doors);
    if (doors == NULL)
        return iscep_error_nomem(err);
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < config->listener_count && status == ISCEP_OK; i++) {
        doors->doors[i].options = &config->listeners[i];
        doors->doors[i].number = NO_DOOR;
        doors->count++;
        status = read_tokens(&doors->doors[i], err);
    }
    if (status != ISCEP_OK) {
        iscep_doors_free(doors);
        return status;
    }
    *out = doors;
    return ISCEP_OK;
}

void iscep_doors_free(iscep_doors *doors)
{
    if (doors == NULL)
        return;
    for (size_t i = 0; i < doors->count; i++)
        for (size_t j = 0; j < doors->doors[i].token_count; j++)
            iscep_secret_free(doors->doors[i].tokens[j]);
    free(doors);
}

void iscep_doors_number(iscep_doors *doors, size_t listener, uint32_t number)
{
    doors->doors[listener].number = number;
}

static door *find(iscep_doors *doors, uint32_t number)
{
    for (size_t i = 0; i < doors->count; i++)
        if (doors->doors[i].number == number)
            return &doors->doors[i];
    return NULL;
}

const iscep_listener_options *iscep_doors_find(const iscep_doors *doors, uint32_t number)
{
    for (size_t i = 0; i < doors->count; i++)
        if (doors->doors[i].number == number)
            return doors->doors[i].options;
    return NULL;
}

const char *iscep_doors_tenant(const iscep_doors *doors, uint32_t number)
{
    const iscep_listener_options *options = iscep_doors_find(doors, number);
    return options != NULL ? options->tenant : NULL;
}

/* --- who comes --- */

static bool has_certificate(const door *at, const iscep_exchange *exchange)
{
    const iscep_config_words *names = &at->options->client_names;
    if (!iscep_exchange_peer(exchange).has_certificate)
        return false;
    const bool is_any = names->count == 1 && strcmp(names->words[0], "any") == 0;
    return is_any || iscep_exchange_peer_has_name(exchange, names->words, names->count);
}

/* Every token is compared, and each in constant time: how long it takes tells nothing. */
static bool has_token(const door *at, const iscep_exchange *exchange)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = iscep_exchange_header(exchange, "Authorization");
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    const iscep_bytes given = iscep_bytes_of_text(authorization + sizeof scheme - 1);
    bool is_one = false;
    for (size_t i = 0; i < at->token_count; i++)
        is_one = iscep_secret_equals(at->tokens[i], given) || is_one;
    return is_one;
}

/*
 * A page of the wide world, open in a browser of this machine, can have its own name resolve to 127.0.0.1 and then read what is
 * served there to whoever comes (DNS rebinding). What the browser cannot forge is the name that it asks for. Over TLS our
 * certificate does not bear that name, and a webhook is signed.
 */
static bool has_foreign_host(const iscep_exchange *exchange, iscep_serves serves)
{
    const char *host = iscep_exchange_header(exchange, "Host");
    if (iscep_exchange_peer(exchange).is_encrypted || serves == ISCEP_SERVES_STEP_CA)
        return false;
    if (host == NULL || host[0] == '[') /* no browser; or an IPv6 address */
        return false;
    const size_t len = strcspn(host, ":");
    const bool is_address = strspn(host, "0123456789.") >= len;
    return !is_address && !(len == strlen("localhost") && strncasecmp(host, "localhost", len) == 0);
}

static refusal judge(const door *at, const iscep_exchange *exchange, iscep_serves serves)
{
    const iscep_listener_options *options = at->options;
    const bool wants_certificate = options->client_ca_file != NULL;
    const bool wants_token = at->token_count > 0 && serves != ISCEP_SERVES_STEP_CA;
    int64_t uid;
    if (iscep_exchange_peer(exchange).is_unix)
        return options->peer_uids.count == 0 ||
                       iscep_peer_is_one_of(exchange, options->peer_uids.ids, options->peer_uids.count, &uid)
                   ? REFUSED_NOT
                   : REFUSED_PEER;
    if (options->is_open && (serves == ISCEP_SERVES_METRICS || serves == ISCEP_SERVES_STATUS))
        return REFUSED_NOT;
    if (!wants_certificate && !wants_token)
        return has_foreign_host(exchange, serves) ? REFUSED_HOST : REFUSED_NOT;
    const bool is_certified = wants_certificate && has_certificate(at, exchange);
    const bool is_token_right = wants_token && has_token(at, exchange);
    if (options->is_client_certificate_required) {
        if (!is_certified)
            return REFUSED_CERTIFICATE;
        return wants_token && !is_token_right ? REFUSED_TOKEN : REFUSED_NOT;
    }
    if (is_certified || is_token_right)
        return REFUSED_NOT;
    return wants_token ? REFUSED_TOKEN : REFUSED_CERTIFICATE;
}

/* Whom, where. */
typedef struct visit {
    const char *listener;
    const char *path;
    const char *address;
    int64_t uid;
} visit;

/* Of each kind one line a second at most; the next says how many there were between. */
static void log_refusal(iscep_log_gate *gate, const iscep_env *env, const visit *refused, refusal why)
{
    int64_t unlogged;
    if (!iscep_log_gate_pass(gate, iscep_now_mono_ms(env), &unlogged))
        return;
    const iscep_log_field fields[] = {ISCEP_LOG_TEXT("listener", refused->listener),
                                      ISCEP_LOG_TEXT("code", refusal_codes[why]),
                                      ISCEP_LOG_TEXT("path", refused->path),
                                      ISCEP_LOG_TEXT("address", refused->address),
                                      ISCEP_LOG_NUM("uid", refused->uid),
                                      ISCEP_LOG_NUM("unlogged", unlogged)};
    iscep_log_write(env->log, ISCEP_LOG_WARN, "door_refused", fields, sizeof fields / sizeof *fields);
    iscep_audit_write(env->audit, "door_refused", fields, sizeof fields / sizeof *fields);
}

static void reply_refusal(iscep_exchange *exchange, refusal why)
{
    static const iscep_http_header challenge = {"WWW-Authenticate", "Bearer"};
    static const char body[] =
        "{\"error\":{\"code\":\"token_wrong\",\"message\":\"a bearer token of this listener is needed\"}}\n";
    if (why == REFUSED_TOKEN)
        iscep_exchange_reply(exchange, &(iscep_reply){.status = 401,
                                                      .headers = &challenge,
                                                      .header_count = 1,
                                                      .body = iscep_bytes_of_text(body)});
    else
        iscep_exchange_reply_error(exchange, 403, refusal_codes[why], "this listener does not answer you");
}

static bool has_no_file(const iscep_listener_options *options)
{
    return options->at.unix_path != NULL && options->at.unix_path[0] == '@';
}

bool iscep_doors_admit_connection(iscep_doors *doors, const iscep_env *env, int fd, uint32_t number)
{
    door *at = find(doors, number);
    visit visitor = {.listener = "", .path = "", .address = ""};
    if (at == NULL || !has_no_file(at->options)) /* each request is looked at, whatever is said here */
        return true;
    const iscep_config_uids *uids = &at->options->peer_uids;
    if (iscep_peer_of_socket_is_one_of(fd, uids->ids, uids->count, &visitor.uid))
        return true;
    visitor.listener = at->options->name;
    log_refusal(&at->gates[REFUSED_PEER], env, &visitor, REFUSED_PEER);
    return false;
}

bool iscep_doors_admit(iscep_doors *doors, const iscep_env *env, iscep_exchange *exchange,
                       iscep_serves serves)
{
    door *at = find(doors, iscep_exchange_peer(exchange).door);
    const refusal why = at == NULL ? REFUSED_CLOSED : judge(at, exchange, serves);
    if (why != REFUSED_NOT) {
        const iscep_peer peer = iscep_exchange_peer(exchange);
        const visit refused = {.listener = at != NULL ? at->options->name : "",
                               .path = iscep_exchange_path(exchange),
                               .address = peer.address,
                               .uid = peer.has_uid ? (int64_t)peer.uid : -1};
        log_refusal(at != NULL ? &at->gates[why] : &doors->closed_gate, env, &refused, why);
        reply_refusal(exchange, why);
        return false;
    }
    if ((at->options->serves & (uint32_t)serves) == 0) {
        iscep_exchange_reply_error(exchange, 404, "path_not_found", "there is nothing at this path");
        return false;
    }
    return true;
}
