/*
 * Who may come in at a listener: a configuration by which somebody could come who should not is refused, with a sentence
 * that says what to write instead. docs/CONFIGURATION.md tells the same to people.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/config_key.h"
#include "net/tls.h"

/* From where a listener can be reached. */
typedef enum reach {
    REACH_UNIX,
    REACH_LOOPBACK, /* TCP, from this machine only: by each of its users */
    REACH_WORLD,
    REACH_UNKNOWN /* a socket of systemd's that is not there yet, or no address at all */
} reach;

/* A listener that is looked at. */
typedef struct visit {
    const iscep_config *config;
    const iscep_listener_options *listener;
    reach reach;
    char title[128];
} visit;

/* Literal addresses, and the one name: what a name of DNS stands for can change. */
static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 ||
           (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

static reach reach_of(const iscep_listener_options *listener)
{
    if (listener->at.unix_path != NULL)
        return REACH_UNIX;
    if (listener->at.host == NULL)
        return REACH_UNKNOWN;
    return is_loopback(listener->at.host) ? REACH_LOOPBACK : REACH_WORLD;
}

static visit visit_of(const iscep_config *config, const iscep_listener_options *listener)
{
    visit here = {.config = config, .listener = listener, .reach = reach_of(listener)};
    if (iscep_config_is_default_listener(listener))
        snprintf(here.title, sizeof here.title, "connector");
    else
        snprintf(here.title, sizeof here.title, "listener/%s", listener->name);
    return here;
}

static bool is_tcp(const visit *at)
{
    return at->reach == REACH_LOOPBACK || at->reach == REACH_WORLD;
}

static bool is_given(const visit *at, const char *key)
{
    return iscep_config_given(at->config, at->title, key, NULL) != NULL;
}

static bool is_any_given(const visit *at, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (is_given(at, *keys))
            return true;
    return false;
}

static bool serves(const visit *at, uint32_t what)
{
    return (at->listener->serves & what) != 0;
}

static bool is_encrypted(const visit *at)
{
    return at->listener->certificate_file != NULL;
}

/* Does everybody who comes in say who he is? By certificate, token, or both: config.h. */
static bool is_guarded(const visit *at)
{
    return at->listener->client_ca_file != NULL || at->listener->token_files.count > 0;
}

/* --- the rules; each says when it is broken --- */

static bool has_no_address(const visit *at)
{
    return !iscep_config_is_default_listener(at->listener) && !is_given(at, "address");
}

static bool serves_nothing(const visit *at)
{
    return at->listener->serves == 0;
}

static bool has_socket_keys_on_tcp(const visit *at)
{
    return is_tcp(at) && is_any_given(at, (const char *const[]){"mode", "owner", "peer_uids", NULL});
}

static bool has_file_keys_of_systemd(const visit *at)
{
    return at->listener->systemd_name != NULL &&
           is_any_given(at, (const char *const[]){"mode", "owner", NULL});
}

static bool has_tcp_keys_on_unix(const visit *at)
{
    return at->reach == REACH_UNIX &&
           is_any_given(at, (const char *const[]){"certificate", "key", "client_ca", "client_certificates",
                                                  "client_names", "tokens", "allow_anonymous",
                                                  "allow_plain_tcp_beyond_loopback", NULL});
}

/* The field Authorization of a webhook is its own: [step-ca/NAME] says what it must be. */
static bool has_tokens_that_nobody_shows(const visit *at)
{
    return at->listener->token_files.count > 0 && at->listener->serves == ISCEP_SERVES_STEP_CA;
}

static bool has_half_a_certificate(const visit *at)
{
    return (at->listener->certificate_file != NULL) != (at->listener->key_file != NULL);
}

static bool asks_for_certificates_without_tls(const visit *at)
{
    return at->listener->client_ca_file != NULL && !is_encrypted(at);
}

static bool lets_any_certificate_in(const visit *at)
{
    return at->listener->client_ca_file != NULL && !is_given(at, "client_names");
}

static bool names_clients_of_no_ca(const visit *at)
{
    return at->listener->client_ca_file == NULL &&
           is_any_given(at, (const char *const[]){"client_names", "client_certificates", NULL});
}

static bool has_no_other_way_than_optional(const visit *at)
{
    return at->listener->client_ca_file != NULL && !at->listener->is_client_certificate_required &&
           at->listener->token_files.count == 0;
}

static bool is_plain_to_the_world(const visit *at)
{
    return at->reach == REACH_WORLD && !is_encrypted(at) && !at->listener->is_plain_allowed;
}

static bool is_open_to_whoever_comes(const visit *at)
{
    return is_tcp(at) && serves(at, ISCEP_SERVES_API | ISCEP_SERVES_ADMIN) && !is_guarded(at);
}

static bool is_plain_for_step_ca(const visit *at)
{
    return at->reach == REACH_WORLD && serves(at, ISCEP_SERVES_STEP_CA) && !is_encrypted(at);
}

static bool shows_itself_to_the_world(const visit *at)
{
    return at->reach == REACH_WORLD && serves(at, ISCEP_SERVES_METRICS | ISCEP_SERVES_STATUS) &&
           !is_guarded(at) && !at->listener->is_open;
}

static bool serves_hooks_that_are_not_there(const visit *at)
{
    return serves(at, ISCEP_SERVES_STEP_CA) && at->config->step_ca_count == 0 &&
           !iscep_config_is_default_listener(at->listener);
}

static bool is_for_an_unknown_tenant(const visit *at)
{
    return at->listener->tenant != NULL && iscep_config_find_tenant(at->config, at->listener->tenant) == NULL;
}

static const struct rule {
    bool (*is_broken)(const visit *at);
    const char *key; /* whose line is shown */
    const char *sentence;
} rules[] = {
    {has_no_address, "address",
     "address is missing: write address = unix:/PATH, tcp:HOST:PORT or systemd:NAME"},
    {serves_nothing, "serves",
     "serves is missing: write serves = and what callers find here: api, step-ca, admin, metrics, status"},
    {has_socket_keys_on_tcp, "address",
     "mode, owner and peer_uids are of Unix sockets: take them away, and write client_ca or tokens"},
    {has_file_keys_of_systemd, "address",
     "systemd makes this socket: write SocketMode=, SocketUser= and SocketGroup= in its unit instead of mode "
     "and owner"},
    {has_tcp_keys_on_unix, "address",
     "certificates, tokens and allow_… are of TCP: a Unix socket has mode, owner and peer_uids"},
    {has_tokens_that_nobody_shows, "tokens",
     "step-ca is not asked for tokens of the listener: write bearer_token_file in its [step-ca/NAME]"},
    {has_half_a_certificate, "certificate",
     "certificate and key belong together: write both, or none for a listener without TLS"},
    {asks_for_certificates_without_tls, "client_ca",
     "client_ca needs TLS: write certificate and key of this listener, too"},
    {lets_any_certificate_in, "client_ca",
     "client_ca alone would let in every certificate that this CA has ever issued: write client_names = and "
     "the names that may come, or client_names = any if that is meant"},
    {names_clients_of_no_ca, "client_names",
     "client_names and client_certificates need client_ca: write the file of the CA that issues these "
     "certificates"},
    {has_no_other_way_than_optional, "client_certificates",
     "client_certificates = optional means a certificate or a token, and there are no tokens: write tokens, "
     "or client_certificates = required"},
    {is_plain_to_the_world, "address",
     "without TLS everybody on the way can read and change what is said: write certificate and key, or "
     "address = tcp:127.0.0.1:PORT, or, where the network itself encrypts, allow_plain_tcp_beyond_loopback = "
     "yes"},
    {is_open_to_whoever_comes, "serves",
     "over TCP api and admin are for callers who say who they are, also on loopback, where each user of this "
     "machine could come: write tokens, or client_ca and client_names"},
    {is_plain_for_step_ca, "serves",
     "step-ca sends challenges: beyond loopback that needs TLS, so write certificate and key"},
    {shows_itself_to_the_world, "serves",
     "metrics and status would be shown to whoever comes: write tokens, or client_ca and client_names, or, "
     "if that is meant, allow_anonymous = yes"},
    {serves_hooks_that_are_not_there, "serves",
     "serves = step-ca needs a section [step-ca/NAME]: write one, or take step-ca out of serves"},
    {is_for_an_unknown_tenant, "tenant",
     "there is no [tenant/NAME] of this name: write one, or the name of one that is there"},
};

static iscep_status refuse(const visit *at, const char *key, iscep_error *err, const char *sentence)
{
    iscep_error_set(err, ISCEP_CONFIG, "listener", "%s", sentence);
    return iscep_config_place(at->config, at->title, key, err);
}

static iscep_status judge(const visit *at, iscep_error *err)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].is_broken(at))
            return refuse(at, rules[i].key, err, rules[i].sentence);
    return ISCEP_OK;
}

/* --- what one listener's section does not show --- */

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool is_same_address(const iscep_listener_options *a, const iscep_listener_options *b)
{
    return is_same(a->at.unix_path, b->at.unix_path) || is_same(a->systemd_name, b->systemd_name) ||
           (is_same(a->at.host, b->at.host) && a->at.port == b->at.port && a->at.port != 0);
}

static iscep_status compare_with_earlier(const iscep_config *config, size_t index, iscep_error *err)
{
    const visit here = visit_of(config, &config->listeners[index]);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(config->listeners[i].name, here.listener->name) == 0)
            return refuse(
                &here, "address", err,
                "listen of [connector] makes a listener of this name: take another name, or listen away");
        if (is_same_address(&config->listeners[i], here.listener))
            return refuse(&here, "address", err,
                          "another listener has this address: write one of them, with all that it serves");
    }
    return ISCEP_OK;
}

/* Certificate and key are each other's, and can be used. */
static iscep_status check_tls(const visit *at, iscep_error *err)
{
    const iscep_tls_options options = {.chain_file = at->listener->certificate_file,
                                       .key_file = at->listener->key_file,
                                       .client_ca_file = at->listener->client_ca_file,
                                       .is_client_required = at->listener->is_client_certificate_required};
    SSL_CTX *tls = NULL;
    if (!is_encrypted(at))
        return ISCEP_OK;
    if (iscep_tls_server_make(&tls, &options, err) != ISCEP_OK)
        return iscep_config_place(at->config, at->title, "certificate", err);
    iscep_tls_server_free(tls);
    return ISCEP_OK;
}

/* Whoever adds a listener for one thing would not notice that nobody can ask any more. */
static iscep_status demand_a_way_in(const iscep_config *config, iscep_error *err)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if ((config->listeners[i].serves & (ISCEP_SERVES_API | ISCEP_SERVES_STEP_CA)) != 0)
            return ISCEP_OK;
    iscep_error_set(err, ISCEP_CONFIG, "listener",
                    "no listener serves api or step-ca, so that no SCEP server could ask: to have the usual "
                    "socket besides, write listen = unix:/run/intune-scep/connector.sock in [connector]");
    const visit last = visit_of(config, &config->listeners[config->listener_count - 1]);
    return iscep_config_place(config, last.title, "serves", err);
}

iscep_status iscep_config_settle_listeners(iscep_config *config, iscep_error *err)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        const visit here = visit_of(config, &config->listeners[i]);
        if (config->listeners[i].client_ca_file ==
            NULL) /* the default of client_certificates says nothing then */
            config->listeners[i].is_client_certificate_required = false;
        iscep_status status = judge(&here, err);
        if (status == ISCEP_OK)
            status = compare_with_earlier(config, i, err);
        if (status == ISCEP_OK)
            status = check_tls(&here, err);
        if (status != ISCEP_OK)
            return status;
    }
    return demand_a_way_in(config, err);
}

/* --- a socket that systemd has handed over --- */

static bool find_reach(int fd, reach *out)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    if (address.ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&address)->sin_addr, host, sizeof host);
    else if (address.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&address)->sin6_addr, host, sizeof host);
    else if (address.ss_family != AF_UNIX)
        return false;
    *out = address.ss_family == AF_UNIX ? REACH_UNIX : is_loopback(host) ? REACH_LOOPBACK : REACH_WORLD;
    return true;
}

iscep_status iscep_config_check_inherited(const iscep_config *config, const iscep_listener_options *listener,
                                          int fd, iscep_error *err)
{
    visit here = visit_of(config, listener);
    if (!find_reach(fd, &here.reach))
        return refuse(&here, "address", err, "what systemd has handed over is no socket of TCP or Unix");
    return judge(&here, err);
}
