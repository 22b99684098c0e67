/* URLs and forms: see url.h. */
#include "net/url.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

/* A suffix matches whole labels only: "manage.microsoft.com" is not the end of "evilmanage.microsoft.com". */
static bool has_suffix(const char *host, const char *suffix)
{
    size_t host_len = strlen(host), suffix_len = strlen(suffix);
    if (suffix_len == 0 || host_len < suffix_len || strcasecmp(host + host_len - suffix_len, suffix) != 0)
        return false;
    return host_len == suffix_len || host[host_len - suffix_len - 1] == '.';
}

/* RFC 3986, 2: all else is percent-encoded. libcurl lets bytes above ASCII pass. */
static bool is_visible_ascii(const char *text)
{
    while (*text > ' ' && *text < 0x7F)
        text++;
    return *text == '\0';
}

static bool has_part(CURLU *parsed, CURLUPart part)
{
    char *text = NULL;
    bool is_there = curl_url_get(parsed, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return is_there;
}

/* What libcurl takes for the host stands there as it is, without an escape that another reader might not see through. */
static bool is_plain_host(const char *url, const char *host)
{
    return strncasecmp(url + strlen("https://"), host, strlen(host)) == 0 && strchr(host, '%') == NULL;
}

static const char *find_fault(CURLU *parsed, const char *url, const char *const *suffixes, size_t count)
{
    if (strncasecmp(url, "https://", 8) != 0 || url[8] == '/') /* libcurl makes do with one slash, or three */
        return "is not https";
    if (!is_visible_ascii(url) || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK)
        return "is not a URL";
    char *host = NULL;
    const char *fault = NULL;
    if (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD))
        fault = "carries a user name";
    else if (strpbrk(url, "?#") != NULL) /* even empty: it would swallow a path, and libcurl hides it */
        fault = "carries a query or fragment";
    else if (curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK || !is_plain_host(url, host))
        fault = "has no host";
    else {
        fault = "names a host outside the allowed ones";
        for (size_t i = 0; i < count; i++)
            if (has_suffix(host, suffixes[i]))
                fault = NULL;
    }
    curl_free(host);
    return fault;
}

iscep_status iscep_url_check(const char *url, const char *const *host_suffixes, size_t suffix_count,
                             iscep_status status, iscep_error *err)
{
    CURLU *parsed = curl_url();
    if (parsed == NULL)
        return iscep_error_nomem(err);
    const char *fault = find_fault(parsed, url, host_suffixes, suffix_count);
    curl_url_cleanup(parsed);
    if (fault == NULL)
        return ISCEP_OK;
    return iscep_error_set(err, status, "url_not_allowed", "%.200s %s", url, fault);
}

void iscep_url_join(iscep_buf *out, const char *base, const char *path)
{
    size_t base_len = strlen(base);
    while (base_len > 0 && base[base_len - 1] == '/')
        base_len--;
    while (*path == '/')
        path++;
    iscep_buf_append(out, base, base_len);
    iscep_buf_append_text(out, "/");
    iscep_buf_append_text(out, path);
}

static bool is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void iscep_url_append_segment(iscep_buf *out, iscep_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.data[i]))
            iscep_buf_append(out, text.data + i, 1);
        else
            iscep_buf_printf(out, "%%%02X", text.data[i]);
    }
}

void iscep_form_append(iscep_buf *out, const char *name, iscep_bytes value)
{
    if (out->len > 0)
        iscep_buf_append_text(out, "&");
    iscep_buf_append_text(out, name);
    iscep_buf_append_text(out, "=");
    iscep_url_append_segment(out, value);
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

iscep_status iscep_form_decode(iscep_buf *out, iscep_bytes text, iscep_error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return iscep_error_set(err, ISCEP_USAGE, "percent_malformed", "a percent escape is broken");
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        iscep_buf_append(out, &c, 1);
    }
    return iscep_buf_status(out, err);
}

/* How often name has a value; the last of them into found. */
static unsigned find_pairs(iscep_bytes *found, iscep_bytes form, const char *name)
{
    size_t name_len = strlen(name);
    unsigned count = 0;
    const uint8_t *at = form.data, *end = form.data == NULL ? NULL : form.data + form.len;
    while (at < end) {
        const uint8_t *pair_end = memchr(at, '&', (size_t)(end - at));
        if (pair_end == NULL)
            pair_end = end;
        if ((size_t)(pair_end - at) > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == '=') {
            *found = iscep_bytes_of(at + name_len + 1, (size_t)(pair_end - at) - name_len - 1);
            count++;
        }
        at = pair_end + 1;
    }
    return count;
}

bool iscep_form_has(iscep_bytes form, const char *name)
{
    iscep_bytes found;
    return find_pairs(&found, form, name) > 0;
}

iscep_status iscep_form_get(iscep_buf *out, iscep_bytes form, const char *name, iscep_error *err)
{
    iscep_bytes found = {0};
    unsigned count = find_pairs(&found, form, name);
    if (count != 1)
        return iscep_error_set(err, ISCEP_USAGE, "parameter",
                               "parameter %s must stand there once, not %u times", name, count);
    return iscep_form_decode(out, found, err);
}
