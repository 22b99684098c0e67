/* See config_check.h. */
#include "ctl/config_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intune/credential.h"
#include "journal/conninfo.h"
#include "net/tls.h"

/* Who is told. */
typedef struct check {
    const iscep_config *config;
    const iscep_env *env;
    ctl_warn_fn warn;
    void *user;
} check;

static void ISCEP_PRINTF(3, 4) tell(const check *of, const char *code, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    of->warn(of->user, code, text);
}

/* --- files --- */

/* A provider's URI may stand where a key's file does: it is no file. */
static void check_secrets(const check *of)
{
    const char *path;
    struct stat found;
    for (size_t i = 0; (path = iscep_config_secret_file(of->config, i)) != NULL; i++)
        if (stat(path, &found) == 0 && S_ISREG(found.st_mode) && (found.st_mode & (S_IROTH | S_IWOTH)) != 0)
            tell(of, "secret_exposed",
                 "%s holds a secret and is open to everybody (mode %04o): chmod 0600. It is root's where the "
                 "configuration says credential:, and the connector's user's where it names a path",
                 path, (unsigned)found.st_mode & 07777);
}

/* The directory of what the connector will write. */
static void check_directory(const check *of, const char *what, const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    snprintf(directory, sizeof directory, "%.*s", slash > path ? (int)(slash - path) : 1, path);
    struct stat found;
    if (stat(directory, &found) != 0 || !S_ISDIR(found.st_mode))
        tell(of, "directory_missing",
             "%s: the directory of the %s, %s, is not there: make it, for the connector's user", path, what,
             directory);
    else if (access(directory, W_OK | X_OK) != 0)
        tell(of, "directory_not_writable",
             "%s: the directory of the %s, %s, cannot be written by who asks this: ask as the connector's "
             "user",
             path, what, directory);
}

static void check_directories(const check *of)
{
    check_directory(of, "journal", of->config->journal.path);
    if (of->config->audit != NULL && of->config->audit[0] == '/')
        check_directory(of, "audit trail", of->config->audit);
}

/* Without them libpq does not connect, and the connector writes its spool. */
static void check_database(const check *of)
{
    char what[1024];
    if (of->config->journal.database != NULL &&
        iscep_conninfo_has_unreadable_file(of->config->journal.database->conninfo, what, sizeof what))
        tell(of, "database_file",
             "[journal] database: %s cannot be read by who asks this: put the file there, readable for the "
             "connector's user",
             what);
}

/* --- listeners --- */

static void check_certificate(const check *of, const iscep_listener_options *listener)
{
    const iscep_tls_options options = {.chain_file = listener->certificate_file,
                                       .key_file = listener->key_file};
    const int64_t now_unix = iscep_now_unix_ms(of->env) / 1000;
    char date[ISCEP_ISO8601_SIZE];
    SSL_CTX *tls = NULL;
    if (iscep_tls_server_make(&tls, &options, NULL) != ISCEP_OK) /* it could be made a moment ago */
        return;
    const int64_t expires_unix = iscep_tls_server_expires_unix(tls);
    iscep_tls_server_free(tls);
    iscep_iso8601_emit(date, expires_unix * 1000);
    if (expires_unix <= now_unix)
        tell(of, "listener_certificate_expired",
             "[listener/%s] certificate %s has ended on %.10s: nobody will talk to it", listener->name,
             listener->certificate_file, date);
    else if (expires_unix - now_unix < ISCEP_CREDENTIAL_WARN_S)
        tell(of, "listener_certificate_expiring",
             "[listener/%s] certificate %s ends on %.10s: replace it, then reload, or restart if it comes "
             "from systemd",
             listener->name, listener->certificate_file, date);
}

static void check_listener(const check *of, const iscep_listener_options *listener)
{
    const bool is_for_all = listener->at.unix_path != NULL && (listener->at.unix_mode & S_IWOTH) != 0 &&
                            listener->peer_uids.count == 0;
    if (listener->certificate_file != NULL)
        check_certificate(of, listener);
    if (listener->is_plain_allowed && listener->certificate_file == NULL)
        tell(of, "listener_plain",
             "[listener/%s] speaks without TLS beyond loopback: everybody on the way reads challenges and "
             "tokens, unless the network itself encrypts",
             listener->name);
    if (is_for_all)
        tell(of, "listener_open",
             "%s can be opened by every user of this machine (mode %04o): write 0660 and a group, or "
             "peer_uids",
             listener->at.unix_path, (unsigned)listener->at.unix_mode);
}

/* --- tenants --- */

static void check_tenants(const check *of)
{
    const iscep_config_tenant *tenants = of->config->tenants;
    for (size_t i = 0; i < of->config->tenant_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(tenants[i].tenant.tenant_id, tenants[j].tenant.tenant_id) == 0)
                tell(of, "tenant_twice",
                     "[tenant/%s] and [tenant/%s] have one tenant_id: each asks for the same revocations; is "
                     "that meant?",
                     tenants[j].name, tenants[i].name);
}

void ctl_config_check(const iscep_config *config, const iscep_env *env, ctl_warn_fn warn, void *user)
{
    const check of = {.config = config, .env = env, .warn = warn, .user = user};
    check_secrets(&of);
    check_directories(&of);
    check_database(&of);
    for (size_t i = 0; i < config->listener_count; i++)
        check_listener(&of, &config->listeners[i]);
    check_tenants(&of);
}
