/* See store_postgres_hosts.h. */
#include "journal/store_postgres_hosts.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define USUAL_PORT "5432"

/* The lists, by commas; "": it does not say. Borrowed from libpq's options. */
typedef struct lists {
    const char *host;
    const char *hostaddr;
    const char *port;
} lists;

static const char *value_of(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, name) == 0)
            return options->val != NULL ? options->val : "";
    return "";
}

static size_t count_items(const char *list)
{
    size_t count = list[0] == '\0' ? 0 : 1;
    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

/* False: it is too long. */
static bool copy_item(char *out, size_t size, const char *list, size_t index)
{
    for (; index > 0; index--)
        list += strcspn(list, ",") + 1;
    size_t len = strcspn(list, ",");
    return snprintf(out, size, "%.*s", (int)len, list) < (int)size;
}

/* "": not said. False: it is said of the others, and not of this one; or it is too long. */
static bool copy_address(char *out, size_t size, const char *list, size_t index)
{
    out[0] = '\0';
    return list[0] == '\0' || (copy_item(out, size, list, index) && out[0] != '\0');
}

/* One port may be for all. */
static bool copy_port(char *out, size_t size, const char *list, size_t index)
{
    out[0] = '\0';
    if (count_items(list) < 2)
        return true;
    if (!copy_item(out, size, list, index))
        return false;
    return out[0] != '\0' || snprintf(out, size, USUAL_PORT) < (int)size;
}

static bool copy_host(iscep_postgres_host *out, const lists *from, size_t index)
{
    return copy_address(out->host, sizeof out->host, from->host, index) &&
           copy_address(out->hostaddr, sizeof out->hostaddr, from->hostaddr, index) &&
           copy_port(out->port, sizeof out->port, from->port, index);
}

/* Lists that do not fit together are for libpq to complain of. */
static size_t count_hosts(const lists *from)
{
    size_t hosts = count_items(from->host), addresses = count_items(from->hostaddr);
    size_t ports = count_items(from->port), count = addresses > 0 ? addresses : hosts;
    bool is_fitting = (hosts == 0 || hosts == count) && (ports < 2 || ports == count);
    return is_fitting && count > 1 && count <= ISCEP_POSTGRES_MAX_HOSTS ? count : 0;
}

size_t iscep_postgres_hosts_list(iscep_postgres_host out[ISCEP_POSTGRES_MAX_HOSTS], const char *conninfo)
{
    memset(out, 0, ISCEP_POSTGRES_MAX_HOSTS * sizeof *out);
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    if (options == NULL)
        return 0;
    const lists from = {.host = value_of(options, "host"),
                        .hostaddr = value_of(options, "hostaddr"),
                        .port = value_of(options, "port")};
    size_t count = count_hosts(&from);
    for (size_t i = 0; i < count; i++)
        if (!copy_host(&out[i], &from, i)) {
            memset(out, 0, ISCEP_POSTGRES_MAX_HOSTS * sizeof *out);
            count = 0;
        }
    PQconninfoFree(options);
    return count;
}
