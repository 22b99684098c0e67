/* See plugin_codes.h. The plugin shares no code with the connector, so its words stand here once more. */
#include "ctl/plugin_codes.h"

#include <string.h>

static const iscep_code refusals[] = {
    {"message_type_invalid", ISCEP_CODE_SERVER, "the SCEP messageType asks for no certificate",
     "the SCEP server must call validate for PKCSReq (19) and RenewalReq (17) only"},
    {"transaction_id_invalid", ISCEP_CODE_SERVER,
     "the SCEP transactionID is not 1 to 255 printable ASCII characters, or has a space at an end",
     "the SCEP server must hand it on as the device sent it"},
    {"csr_missing", ISCEP_CODE_SERVER, "the SCEP server gave the plugin no CSR",
     "it must hand on the decrypted PKCS#10 as DER"},
    {"certificate_missing", ISCEP_CODE_SERVER, "the SCEP server reported an issue without the certificate",
     "it must hand on the issued certificate as DER"},
    {"certificate_too_large", ISCEP_CODE_SERVER, "the issued certificate has more than 64 KiB",
     "the SCEP server must send the issued certificate alone, without its chain"},
};

static const struct {
    const char *code;
    const char *advice;
} retries[] = {
    {"connector_unreachable",
     "the plugin has no connection to the connector's socket: look whether "
     "intune-scepd is running, and whether the SCEP server's user may open the socket"},
    {"connector_timeout", "the connector did not answer the plugin in time: look at the log of intune-scepd"},
    {"connector_busy", "the connector takes no more connections at the moment: look at the log of "
                       "intune-scepd, and at max_connections"},
    {"connector_reply_cut", "the connector closed the connection before its answer was whole: look whether "
                            "intune-scepd has been restarted, and at its log"},
    {"connector_reply_unusable",
     "what came is no answer of the connector: check the plugin's setting socket, "
     "and that plugin and intune-scepd are of one version"},
    {"certificate_room",
     "the SCEP server has too little room for the certificate that was issued before: it must "
     "give scep_answer.cert_der 65536 bytes"},
};

const iscep_code *ctl_plugin_refusal_at(size_t index)
{
    return index < sizeof refusals / sizeof *refusals ? &refusals[index] : NULL;
}

const char *ctl_plugin_retry_find(const char *code)
{
    for (size_t i = 0; i < sizeof retries / sizeof *retries; i++)
        if (strcmp(retries[i].code, code) == 0)
            return retries[i].advice;
    return NULL;
}
