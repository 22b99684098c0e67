/*
 * The smallest host of a SCEP policy plugin: asks it about one certificate request and prints the verdict.
 *
 *     cc -I include -o minimal_host plugin/examples/minimal_host.c -ldl
 *     ./minimal_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der
 *
 * Exit status: 0 allow, 1 deny, 2 wrong usage or plugin, 3 nobody could say.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "scep_plugin.h"

static const scep_plugin *load_plugin(const char *path)
{
    const scep_plugin *plugin = NULL;
    scep_plugin_entry_fn entry = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module != NULL) {
        *(void **)&entry = dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    }
    if (entry == NULL) {
        fprintf(stderr, "%s\n", dlerror());
    } else if (entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin) != SCEP_OK) {
        fprintf(stderr, "%s speaks another version of the ABI\n", path);
    }
    return plugin;
}

static scep_instance *open_instance(const scep_plugin *plugin, const scep_host *host, const char *socket_path)
{
    const scep_config_entry config[] = {{"socket", socket_path}};
    scep_instance *instance = NULL;
    scep_text text = {.size = sizeof text};
    if (plugin->open(host, config, 1, &instance, &text) != SCEP_OK) {
        fprintf(stderr, "%s: %s\n", plugin->name, text.text);
    }
    return instance;
}

/* The whole file; no bytes, which every plugin denies, if it cannot be read. */
static scep_bytes read_file(const char *path)
{
    static uint8_t buffer[128 * 1024];
    FILE *file = fopen(path, "rb");
    const size_t len = file == NULL ? 0 : fread(buffer, 1, sizeof buffer, file);
    if (file != NULL) {
        fclose(file);
    }
    return (scep_bytes){buffer, len};
}

int main(int argc, char **argv)
{
    const scep_host host = {.size = sizeof host};
    if (argc != 5) {
        fprintf(stderr, "usage: minimal_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der\n");
        return 2;
    }
    const scep_plugin *plugin = load_plugin(argv[1]);
    scep_instance *instance = plugin != NULL ? open_instance(plugin, &host, argv[2]) : NULL;
    if (instance == NULL) {
        return 2;
    }
    const scep_request request = {.size = sizeof request,
                                  .message_type = SCEP_MESSAGE_PKCS_REQ,
                                  .transaction_id = {(const uint8_t *)argv[3], strlen(argv[3])},
                                  .csr_der = read_file(argv[4])};
    scep_answer answer = {.size = sizeof answer};
    const int32_t status = plugin->verify_request(instance, &request, &answer);
    plugin->close(instance);

    /* Only ALLOW allows, compared with ==. Whatever this host does not know is a refusal. */
    const int is_allowed = status == SCEP_OK && answer.verdict == SCEP_VERDICT_ALLOW;
    const int is_retry = status == SCEP_OK && answer.verdict == SCEP_VERDICT_RETRY;
    printf("%s %s: %s\n", is_allowed ? "allow" : is_retry ? "retry" : "deny", answer.code, answer.message);
    return is_allowed ? 0 : is_retry ? 3 : 1;
}
