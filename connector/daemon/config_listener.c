/* The sections [listener/NAME] as text: where callers come in. Who may come is judged in config_door.c. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"

enum { MIN_TOKEN_LEN = 16, MAX_TOKEN_LEN = 4096 };

static const char default_name[] = "default";

/* --- the address --- */

static bool is_host_name(const char *text)
{
    const size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    return len > 0 && text[len] == '\0';
}

/* "HOST:PORT", or "[IPV6]:PORT"; in place. */
static bool split_tcp(char *text, char **host, char **port)
{
    struct in6_addr ignored;
    bool is_bracketed = text[0] == '[';
    *host = text + is_bracketed;
    char *end = is_bracketed ? strchr(text, ']') : strrchr(text, ':');
    if (end == NULL || (is_bracketed && end[1] != ':'))
        return false;
    *port = end + 1 + is_bracketed;
    *end = '\0';
    return is_bracketed ? inet_pton(AF_INET6, *host, &ignored) == 1 : is_host_name(*host);
}

static const char *read_tcp(iscep_config *config, iscep_listen_options *at, const char *text)
{
    char *host, *port, *kept = iscep_config_keep(config, text);
    uint32_t number;
    if (kept == NULL)
        return "does not fit into memory";
    if (!split_tcp(kept, &host, &port) || iscep_config_read_number32(&number, port, 0, 65535) != NULL)
        return "must be tcp:HOST:PORT, an IPv6 address in brackets, and a port from 0 to 65535";
    at->host = host;
    at->port = (uint16_t)number;
    return NULL;
}

static const char *read_systemd(iscep_config *config, iscep_listener_options *listener, const char *text)
{
    if (!iscep_config_is_name(text))
        return "must be systemd: and the FileDescriptorName= of a socket";
    listener->at.unix_path = NULL;
    return iscep_config_read_text(config, &listener->systemd_name, text);
}

const char *iscep_config_read_local_address(iscep_config *config, void *to, const char *text)
{
    iscep_listener_options *listener = to;
    if (strncmp(text, "systemd:", 8) == 0)
        return read_systemd(config, listener, text + 8);
    return iscep_config_read_socket_path(config, &listener->at.unix_path, text);
}

static const char *read_address(iscep_config *config, void *to, const char *text)
{
    iscep_listener_options *listener = to;
    if (strncmp(text, "tcp:", 4) == 0)
        return read_tcp(config, &listener->at, text + 4);
    if (strncmp(text, "unix:", 5) == 0 || strncmp(text, "systemd:", 8) == 0)
        return iscep_config_read_local_address(config, to, text);
    return "must be unix:PATH, tcp:HOST:PORT or systemd:NAME";
}

/* --- who owns a Unix socket --- */

static const char *read_owner(iscep_config *config, void *to, const char *text)
{
    iscep_listen_options *at = to;
    char *user = iscep_config_keep(config, text);
    if (user == NULL)
        return "does not fit into memory";
    char *group = strchr(user, ':');
    if (group != NULL)
        *group++ = '\0';
    bool is_someone = user[0] != '\0' || group != NULL;
    if (!is_someone || (user[0] != '\0' && !iscep_config_find_user(&at->unix_uid, user)) ||
        (group != NULL && !iscep_config_find_group(&at->unix_gid, group)))
        return "must be USER, USER:GROUP or :GROUP of this machine";
    return NULL;
}

/* --- what it serves, and to whom --- */

static const char *read_serves(iscep_config *config, void *to, const char *text)
{
    static const char *const words[] = {"api", "step-ca", "admin", "metrics", "status"}; /* bit by bit */
    iscep_config_words list;
    uint32_t *serves = to;
    const char *wrong = iscep_config_read_words(config, &list, text);
    *serves = 0;
    for (size_t i = 0; i < list.count && wrong == NULL; i++) {
        unsigned at = 0;
        wrong = iscep_config_read_word(&at, list.words[i], words, 5);
        *serves |= wrong == NULL ? UINT32_C(1) << at : 0;
    }
    return wrong;
}

static const char *read_certificates(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "optional", "required");
}

/* Names, or the word any alone: whoever client_ca vouches for. */
static const char *read_client_names(iscep_config *config, void *to, const char *text)
{
    return strcmp(text, "any") == 0 ? iscep_config_read_words(config, to, text)
                                    : iscep_config_read_client_names(config, to, text);
}

/* What an Authorization field can carry, and nobody guesses. */
static const char *judge_token(iscep_bytes token)
{
    if (token.len < MIN_TOKEN_LEN || token.len > MAX_TOKEN_LEN)
        return "names a file whose token is shorter than 16 characters or longer than 4096: openssl rand "
               "-hex 32 makes one";
    for (size_t i = 0; i < token.len; i++)
        if (token.data[i] <= ' ' || token.data[i] > '~')
            return "names a file whose token holds white space, or what is not ASCII: one token, one line, "
                   "one file";
    return NULL;
}

static const char *read_tokens(iscep_config *config, void *to, const char *text)
{
    iscep_config_words *files = to;
    const char *wrong = iscep_config_read_words(config, to, text);
    for (size_t i = 0; i < files->count && wrong == NULL; i++) {
        iscep_secret *token = NULL;
        const char *path = NULL;
        wrong = iscep_config_read_secret_file(config, &path, files->words[i]);
        if (wrong == NULL)
            wrong = iscep_config_load_secret(&token, path);
        if (wrong == NULL)
            wrong = judge_token(iscep_secret_reveal(token));
        iscep_secret_free(token);
        files->words[i] = path;
    }
    return wrong;
}

#define AT(member) offsetof(iscep_listener_options, member)

const struct key iscep_listener_keys[] = {
    {"address", 0, read_address, NO_DEFAULT("required"),
     "`unix:` and an absolute path; `tcp:HOST:PORT`, an IPv6 address in brackets; or `systemd:NAME`, a "
     "socket that systemd has opened (`FileDescriptorName=NAME` in its unit)"},
    {"serves", AT(serves), read_serves, NO_DEFAULT("required"),
     "by spaces: `api` (validate, issued, failed, revocations: " ISCEP_DOCDIR
     "/LOCAL-API.md), `step-ca` (webhooks: " ISCEP_DOCDIR
     "/step-ca.md), `admin` (what `intune-scepctl` asks for), `metrics`, `status`"},
    {"tenant", AT(tenant), iscep_config_read_text, NO_DEFAULT("none"),
     "all that comes in here is for this `[tenant/NAME]`"},
    {"owner", AT(at), read_owner, NO_DEFAULT("the connector's own"),
     "`USER`, `USER:GROUP` or `:GROUP`, of a Unix socket"},
    {"mode", AT(at.unix_mode), iscep_config_read_mode, DEFAULT("0660"), "file mode of a Unix socket, octal"},
    {"peer_uids", AT(peer_uids), iscep_config_read_uids, NO_DEFAULT("none"),
     "users, by name or number and by spaces, who are answered on a Unix socket, beside root and the "
     "connector's own user. Without it whoever may open it"},
    {"certificate", AT(certificate_file), iscep_config_read_file, NO_DEFAULT("none"),
     "PEM file, the chain behind it: TLS. Without it TCP is plain"},
    {"key", AT(key_file), iscep_config_read_secret_file, NO_DEFAULT("none"), "PEM file of its key"},
    {"client_ca", AT(client_ca_file), iscep_config_read_file, NO_DEFAULT("none"),
     "PEM file of the CAs whose client certificates are believed"},
    {"client_certificates", AT(is_client_certificate_required), read_certificates, DEFAULT("required"),
     "or `optional`: a certificate or a token. With `required` a caller who comes without is turned away, "
     "and if there are tokens, he needs one besides"},
    {"client_names", AT(client_names), read_client_names, NO_DEFAULT("none"),
     "names, by spaces, that a client's certificate must bear one of: a DNS name, or, if it has none, its "
     "common name. `any` alone: whoever `client_ca` vouches for"},
    {"tokens", AT(token_files), read_tokens, NO_DEFAULT("none"),
     "files, by spaces, with one bearer token each, of 16 characters at least, that the field "
     "`Authorization` is compared with. Webhooks of step-ca have their own (`[step-ca/NAME]`)"},
    {"allow_plain_tcp_beyond_loopback", AT(is_plain_allowed), iscep_config_read_yes, DEFAULT("no"),
     "`yes`: this listener needs no TLS, because the network itself encrypts"},
    {"allow_anonymous", AT(is_open), iscep_config_read_yes, DEFAULT("no"),
     "`yes`: `metrics` and `status` are for whoever comes"},
    {0},
};

/* --- making one --- */

iscep_status iscep_config_add_listener(iscep_config *config, const char *name, iscep_error *err)
{
    iscep_status status = iscep_config_check_name("listener", name, err);
    if (status != ISCEP_OK)
        return status;
    if (config->listener_count == ISCEP_CONFIG_MAX_LISTENERS)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section", "there can be %d listeners, not more",
                               ISCEP_CONFIG_MAX_LISTENERS - 1);
    iscep_listener_options *listener = &config->listeners[config->listener_count++];
    *listener =
        (iscep_listener_options){.name = iscep_config_keep(config, name), .at = ISCEP_LISTEN_OPTIONS_INIT};
    return listener->name == NULL ? iscep_error_nomem(err) : ISCEP_OK;
}

/* A key of another kind of listener has no default, because it may not be written. */
bool iscep_config_derive_listener(const iscep_config *config, const void *base, const char *key,
                                  const char **text)
{
    const iscep_listener_options *listener = base;
    const struct {
        const char *key;
        bool is_its;
    } keys[] = {
        {"mode", listener->at.unix_path != NULL},
        {"client_certificates", listener->client_ca_file != NULL},
        {"allow_plain_tcp_beyond_loopback", listener->at.unix_path == NULL},
        {"allow_anonymous", listener->at.unix_path == NULL},
    };
    (void)config;
    *text = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].key, key) == 0)
            return !keys[i].is_its;
    return false;
}

void iscep_config_add_default_listener(iscep_config *config)
{
    config->listeners[config->listener_count++] =
        (iscep_listener_options){.name = default_name,
                                 .at = ISCEP_LISTEN_OPTIONS_INIT,
                                 .serves = ISCEP_SERVES_API | ISCEP_SERVES_STEP_CA | ISCEP_SERVES_ADMIN |
                                           ISCEP_SERVES_METRICS | ISCEP_SERVES_STATUS};
}

bool iscep_config_is_default_listener(const iscep_listener_options *listener)
{
    return listener->name == default_name;
}
