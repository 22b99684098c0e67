/*
 * daemon/config: the configuration file. What is accepted is within the limits that docs/CONFIGURATION.md names; what
 * is not says where and why in one line, without the secret. SECRET_FILE in the input is the path of a file with one.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_text.h"

#define PLACEHOLDER "SECRET_FILE"
#define SECRET      "secret-canary-5f1c"

enum { MAX_LEN = 64 * 1024 };

/* A file in memory, and its path. */
static int make_file(char *path, size_t path_size, iscep_bytes content)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, content.data, content.len) == (ssize_t)content.len);
    snprintf(path, path_size, "/proc/self/fd/%d", fd);
    return fd;
}

static void fill_in(iscep_buf *out, iscep_bytes input, const char *secret_path)
{
    const size_t len = strlen(PLACEHOLDER);
    const uint8_t *at;
    while ((at = input.len == 0 ? NULL : memmem(input.data, input.len, PLACEHOLDER, len)) != NULL) {
        size_t before = (size_t)(at - input.data);
        iscep_buf_append(out, input.data, before);
        iscep_buf_append_text(out, secret_path);
        input = iscep_bytes_of(at + len, input.len - before - len);
    }
    iscep_buf_append(out, input.data, input.len);
}

static void check_connector(const iscep_config *config)
{
    FUZZ_CHECK(config->socket_path == NULL || config->socket_path[0] == '/');
    FUZZ_CHECK(config->request_timeout_ms >= 1 && config->request_timeout_ms <= 3600000);
    FUZZ_CHECK(config->drain_timeout_ms >= 1 && config->drain_timeout_ms <= 3600000);
    FUZZ_CHECK(config->limits.max_connections >= 1 && config->limits.max_connections <= 1000000);
    FUZZ_CHECK(config->workers >= 1 && config->workers <= ISCEP_CONFIG_MAX_WORKERS);
    FUZZ_CHECK(strlen(config->digest) == 64);
}

/* Nobody comes in who does not say who he is. The unit tests judge what is loopback; here, roughly. */
static void check_listener(const iscep_config *config, const iscep_listener_options *listener)
{
    const bool is_tcp = listener->at.unix_path == NULL && listener->systemd_name == NULL;
    const bool is_loopback =
        is_tcp && (strncmp(listener->at.host, "127.", 4) == 0 ||
                   strcmp(listener->at.host, "localhost") == 0 || strchr(listener->at.host, ':') != NULL);
    const bool is_guarded = listener->client_ca_file != NULL || listener->token_files.count > 0;
    FUZZ_CHECK(listener->at.unix_mode <= 0777 && listener->serves != 0 && listener->serves < 32);
    FUZZ_CHECK(listener->tenant == NULL || iscep_config_find_tenant(config, listener->tenant) != NULL);
    FUZZ_CHECK(listener->client_ca_file == NULL || listener->client_names.count > 0);
    if (!is_tcp)
        return;
    FUZZ_CHECK(is_guarded || (listener->serves & (ISCEP_SERVES_API | ISCEP_SERVES_ADMIN)) == 0);
    FUZZ_CHECK(is_loopback || listener->certificate_file != NULL || listener->is_plain_allowed);
    FUZZ_CHECK(is_loopback || listener->certificate_file != NULL ||
               (listener->serves & ISCEP_SERVES_STEP_CA) == 0);
    FUZZ_CHECK(is_loopback || is_guarded || listener->is_open ||
               (listener->serves & (ISCEP_SERVES_METRICS | ISCEP_SERVES_STATUS)) == 0);
}

static void check_tenant(const iscep_config_tenant *named)
{
    const iscep_tenant *tenant = &named->tenant;
    const char *const urls[] = {tenant->authority, tenant->graph, tenant->graph_resource,
                                tenant->intune_resource};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        FUZZ_CHECK(strncmp(urls[i], "https://", 8) == 0 && urls[i][8] != '\0');
    FUZZ_CHECK(strpbrk(tenant->tenant_id, "/?#%\\ ") == NULL && tenant->tenant_id[0] != '\0');
    FUZZ_CHECK(strpbrk(named->name, "/?#%\\ \"") == NULL && named->name[0] != '\0');
    FUZZ_CHECK(tenant->client_id == NULL || tenant->client_id[0] != '\0');
    FUZZ_CHECK(tenant->credential_count >= 1 && tenant->credential_count <= ISCEP_TENANT_MAX_CREDENTIALS);
    FUZZ_CHECK(tenant->allowed_host_count >= 1 && tenant->allowed_host_count <= ISCEP_TENANT_MAX_HOSTS);
    for (size_t i = 0; i < tenant->allowed_host_count; i++)
        FUZZ_CHECK(tenant->allowed_hosts[i][0] != '\0');
}

/* What is shown loads again. */
static void check_shown(const iscep_config *config)
{
    char path[64];
    iscep_config *again = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 4 * MAX_LEN);
    iscep_config_emit(&text, config);
    int fd = make_file(path, sizeof path, iscep_buf_bytes(&text));
    FUZZ_CHECK(iscep_config_load(&again, path, &err) == ISCEP_OK);
    iscep_config_free(again);
    close(fd);
}

static void check_config(const iscep_config *config)
{
    check_connector(config);
    FUZZ_CHECK(config->listener_count >= 1 && config->tenant_count >= 1);
    for (size_t i = 0; i < config->listener_count; i++)
        check_listener(config, &config->listeners[i]);
    for (size_t i = 0; i < config->tenant_count; i++)
        check_tenant(&config->tenants[i]);
    check_shown(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], secret_path[64];
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_LEN);
    int secret_fd = make_file(secret_path, sizeof secret_path, iscep_bytes_of_text(SECRET));
    fill_in(&text, iscep_bytes_of(data, size), secret_path);
    int fd = make_file(path, sizeof path, iscep_buf_bytes(&text));
    iscep_status status = iscep_config_load(&config, path, &err);
    if (status == ISCEP_OK) {
        check_config(config);
        iscep_config_free(config);
    } else {
        FUZZ_CHECK(config == NULL && status == ISCEP_CONFIG && err.message[0] != '\0');
        FUZZ_CHECK(oracle_is_line(err.message));
        FUZZ_CHECK(strstr(err.message, SECRET) == NULL || memmem(data, size, SECRET, strlen(SECRET)) != NULL);
    }
    close(fd);
    close(secret_fd);
    return 0;
}
