#include <dlfcn.h>
#include "scep_plugin.h"

/* May a certificate be issued for this PKCS#10? 1: yes. 0: no, or nobody could say. */
int may_issue(const char *plugin_path, const char *socket, scep_bytes transaction_id, scep_bytes csr)
{
    static const scep_host host = {.size = sizeof host};
    static const scep_plugin *plugin;
    static scep_instance *instance;
    const scep_config_entry config[] = {{"socket", socket}};
    void *module = instance == NULL ? dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL) : NULL;
    scep_plugin_entry_fn entry =
        module == NULL ? NULL : (scep_plugin_entry_fn)dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    if (entry != NULL && entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin) == SCEP_OK)
        plugin->open(&host, config, 1, &instance, NULL);
    scep_request request = {.size = sizeof request,
                            .message_type = SCEP_MESSAGE_PKCS_REQ,
                            .transaction_id = transaction_id,
                            .csr_der = csr};
    scep_answer answer = {.size = sizeof answer};
    return instance != NULL && plugin->verify_request(instance, &request, &answer) == SCEP_OK &&
           answer.verdict == SCEP_VERDICT_ALLOW;
}
