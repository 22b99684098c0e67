/*
 * What must be the same on all nodes that share a journal, in one number: whatever decides about a request, a report or a
 * revocation. What belongs to a node alone is left out: listeners, limits, paths of files, its way out. It does not matter in
 * which order sections stand, nor whether a default is written out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "daemon/config_key.h"

enum {
    MAX_TEXT_LEN = 4 * 1024 * 1024,
    MAX_SECTIONS = 3 + ISCEP_CONFIG_MAX_CAS + ISCEP_CONFIG_MAX_TENANTS,
};

static const char *const common_sections[] = {"journal", "policy", "revocation", "ca", "tenant"};

/* Of these sections; and every key that ends in "_file". */
static const char *const own_keys[] = {
    /* [journal] */ "path",
    "node",
    "database",
    "database_tls",
    "database_connections",
    "database_timeout_ms",
    "max_deliveries_in_flight",
    /* [tenant/NAME] */ "credentials",
    "proxy",
    "proxy_user",
    "no_proxy",
    "ip_version",
    /* [ca/NAME] */ "command",
    "ca_certificate",
    "ca_key",
    "client_certificate",
    "client_key",
    "provisioner_key"};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_common(const char *key)
{
    static const char suffix[] = "_file";
    const size_t len = strlen(key), suffix_len = sizeof suffix - 1;
    const bool is_file = len > suffix_len && strcmp(key + len - suffix_len, suffix) == 0;
    return !is_file && !is_one_of(key, own_keys, sizeof own_keys / sizeof *own_keys);
}

static int by_title(const void *a, const void *b)
{
    return strcmp(((const section *)a)->title, ((const section *)b)->title);
}

static size_t collect_sections(section out[MAX_SECTIONS], iscep_config *config)
{
    const struct section_kind *kind;
    size_t count = 0;
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL; i++) {
        if (!is_one_of(kind->name, common_sections, sizeof common_sections / sizeof *common_sections))
            continue;
        for (size_t j = 0; count < MAX_SECTIONS && iscep_config_section_at(&out[count], config, kind, j); j++)
            count++;
    }
    qsort(out, count, sizeof *out, by_title);
    return count;
}

static void emit_section(iscep_buf *out, const iscep_config *config, const section *of)
{
    iscep_buf_printf(out, "[%s]\n", of->title);
    for (const struct key *key = NULL; (key = iscep_config_next_key(of, key)) != NULL;) {
        const char *value = is_common(key->name) ? iscep_config_value(config, of, key) : NULL;
        if (value != NULL)
            iscep_buf_printf(out, "%s=%s\n", key->name, value);
    }
}

iscep_status iscep_config_settle_digest(iscep_config *config, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    uint8_t digest[ISCEP_SHA256_LEN];
    section *sections = calloc(MAX_SECTIONS, sizeof *sections);
    if (sections == NULL)
        return iscep_error_nomem(err);
    iscep_buf_init(&text, MAX_TEXT_LEN);
    const size_t count = collect_sections(sections, config);
    for (size_t i = 0; i < count; i++)
        emit_section(&text, config, &sections[i]);
    free(sections);
    iscep_status status = iscep_buf_status(&text, err);
    if (status == ISCEP_OK)
        status = iscep_sha256(digest, iscep_buf_bytes(&text), err);
    for (size_t i = 0; i < sizeof digest && status == ISCEP_OK; i++)
        snprintf(&config->common_digest[2 * i], sizeof config->common_digest - 2 * i, "%02x", digest[i]);
    return status;
}
