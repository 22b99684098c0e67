/* A plugin of the next major version, as it must be: it refuses today's host, and shows it who it is. */
#include "scep_plugin.h"

__attribute__((visibility("default"))) int32_t scep_plugin_entry(uint32_t host_abi_major,
                                                                 uint32_t host_abi_minor,
                                                                 const scep_plugin **plugin);

int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    static const scep_plugin next_major = {.size = offsetof(scep_plugin, open),
                                           .abi_major = SCEP_PLUGIN_ABI_MAJOR + 1,
                                           .abi_minor = 7,
                                           .name = "next_major",
                                           .version = "3.1"};
    (void)host_abi_major;
    (void)host_abi_minor;
    *plugin = &next_major;
    return SCEP_ERR_VERSION;
}
