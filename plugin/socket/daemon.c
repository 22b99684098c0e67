/* The connector is intune-scepd, which systemd or somebody else runs. It need not be up when an instance is opened. */
#include "plugin/abi/backend.h"
#include "plugin/socket/connector.h"

const char iscep_backend_name[] = "scep_intune";
const char iscep_connector_default_socket[] = "/run/intune-scep/connector.sock";
const char iscep_connector_name[] = "intune-scepd";
const char iscep_connector_gone[] =
    "Is intune-scepd running (systemctl status intune-scepd), and is this its socket?";
const bool iscep_connector_has_config = false;

int32_t iscep_connector_attach(iscep_connector **out, iscep_socket_config *settings,
                               const iscep_host_log *log, scep_text *text)
{
    (void)settings;
    (void)log;
    (void)text;
    *out = NULL;
    return SCEP_OK;
}

void iscep_connector_detach(iscep_connector *connector)
{
    (void)connector;
}
