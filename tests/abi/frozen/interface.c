/* The plugin's interface and nothing else, for frozen.sh: what abidiff sees of scep_plugin.h. */
#include "scep_plugin.h"

int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin);

int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    (void)host_abi_major;
    (void)host_abi_minor;
    *plugin = NULL;
    return SCEP_ERR_VERSION;
}
