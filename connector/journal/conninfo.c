/* See conninfo.h. */
#include "journal/conninfo.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Empty: it does not say. */
static const char *value_of(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, name) == 0)
            return options->val != NULL ? options->val : "";
    return "";
}

static bool is_said(const PQconninfoOption *options, const char *name)
{
    return value_of(options, name)[0] != '\0';
}

/* A directory of a Unix socket, an abstract socket, or a name or address that does not leave this machine. */
static bool is_of_this_machine(const char *host, size_t len)
{
    static const char *const names[] = {"localhost", "::1"};
    if (len == 0)
        return false;
    if (host[0] == '/' || host[0] == '@')
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && strncmp(host, names[i], len) == 0)
            return true;
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= len;
}

/* Of a list by commas, each. */
static bool are_of_this_machine(const char *hosts)
{
    while (true) {
        const size_t len = strcspn(hosts, ",");
        if (!is_of_this_machine(hosts, len))
            return false;
        if (hosts[len] == '\0')
            return true;
        hosts += len + 1;
    }
}

static iscep_status refuse(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_CONFIG, "config_value", "%s", what);
}

static iscep_status judge_tls(const PQconninfoOption *options, iscep_error *err)
{
    const char *where = value_of(options, is_said(options, "hostaddr") ? "hostaddr" : "host");
    if (are_of_this_machine(where))
        return ISCEP_OK;
    if (strcmp(value_of(options, "sslmode"), "verify-full") != 0 || !is_said(options, "sslrootcert"))
        return refuse(
            err, "leads to another machine and must hold sslmode=verify-full and sslrootcert=FILE, so that "
                 "the database proves who it is; if the network itself does, write database_tls = "
                 "unchecked");
    return ISCEP_OK;
}

/* What libpq takes where the string does not say: the address that is connected to, whatever the host is called. */
static iscep_status judge_environment(const PQconninfoOption *options, iscep_error *err)
{
    PQconninfoOption *defaults = is_said(options, "hostaddr") ? NULL : PQconndefaults();
    bool leads_elsewhere = defaults != NULL && is_said(defaults, "hostaddr");
    PQconninfoFree(defaults);
    return leads_elsewhere
               ? refuse(err, "would be led elsewhere by PGHOSTADDR, or by the service that PGSERVICE "
                             "names: unset both, or say hostaddr here")
               : ISCEP_OK;
}

static iscep_status judge(const PQconninfoOption *options, bool is_tls_demanded, iscep_error *err)
{
    if (is_said(options, "password") || is_said(options, "sslpassword"))
        return refuse(err, "must not hold a password: write it into a file, and its path into "
                           "database_password_file");
    if (is_said(options, "service"))
        return refuse(err, "must not name a service: what its file says cannot be checked here");
    if (!is_said(options, "host") && !is_said(options, "hostaddr"))
        return refuse(err, "must name a host, or the directory of the database's Unix socket");
    iscep_status status = judge_environment(options, err);
    return status == ISCEP_OK && is_tls_demanded ? judge_tls(options, err) : status;
}

/* libpq's own message may repeat the string, and with it a password. */
iscep_status iscep_conninfo_check(const char *conninfo, bool is_tls_demanded, iscep_error *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &message);
    PQfreemem(message);
    if (options == NULL)
        return refuse(err, "is no connection string that libpq understands, such as host=db.example "
                           "dbname=scep user=scep sslmode=verify-full sslrootcert=FILE");
    iscep_status status = judge(options, is_tls_demanded, err);
    PQconninfoFree(options);
    return status;
}

/* Those that are named by an absolute path: sslrootcert may be a word ("system"), sslkey an engine's. */
bool iscep_conninfo_has_unreadable_file(const char *conninfo, char *what, size_t size)
{
    static const char *const names[] = {"sslrootcert", "sslcert", "sslkey", "sslcrl"};
    bool is_found = false;
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    for (size_t i = 0; options != NULL && i < sizeof names / sizeof *names && !is_found; i++) {
        const char *path = value_of(options, names[i]);
        is_found = path[0] == '/' && access(path, R_OK) != 0;
        if (is_found)
            snprintf(what, size, "%s=%s", names[i], path);
    }
    PQconninfoFree(options);
    return is_found;
}
