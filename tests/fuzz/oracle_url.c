/* See oracle_url.h. */
#include "tests/fuzz/oracle_url.h"

#include <string.h>
#include <strings.h>

#include "tests/fuzz/oracle_text.h"

static bool ends_in(const char *host, size_t host_len, const char *suffix)
{
    size_t len = strlen(suffix);
    if (host_len < len || strncasecmp(host + host_len - len, suffix, len) != 0)
        return false;
    return host_len == len || host[host_len - len - 1] == '.';
}

bool oracle_url_is_under(const char *url, const char *const *suffixes, size_t count)
{
    if (strncasecmp(url, "https://", 8) != 0 || !oracle_is_visible_ascii(url) || strpbrk(url, "?#") != NULL)
        return false;
    const char *host = url + 8;
    size_t host_len = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~|");
    const char *behind = host + host_len;
    if (*behind == ':')
        behind += 1 + strspn(behind + 1, "0123456789");
    if (*behind != '/' && *behind != '\0')
        return false;
    for (size_t i = 0; i < count; i++)
        if (ends_in(host, host_len, suffixes[i]))
            return true;
    return false;
}
