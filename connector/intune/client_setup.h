/* What a client is made of: the options of libiscep's caller, copied, as the tenant and the way out that intune/ and net/ know. */
#ifndef ISCEP_INTUNE_CLIENT_SETUP_H
#define ISCEP_INTUNE_CLIENT_SETUP_H

#include "base/secret.h"
#include "intune/tenant.h"
#include "iscep/client.h"
#include "net/curl_http.h"

#define ISCEP_CLIENT_SETUP_MAX_TEXTS 48 /* more than all options together have */

typedef struct iscep_client_setup {
    iscep_tenant tenant;
    iscep_curl_options way_out;
    iscep_credential_options credentials[ISCEP_TENANT_MAX_CREDENTIALS];
    iscep_secret *proxy_password;
    char *texts[ISCEP_CLIENT_SETUP_MAX_TEXTS]; /* whatever the members above point at */
    size_t text_count;
} iscep_client_setup;

/* setup, zeroed, is filled as far as it went, and must be cleared whatever was returned. It may not move. */
iscep_status iscep_client_setup_init(iscep_client_setup *setup, const iscep_client_options *options,
                                     iscep_error *err) ISCEP_CHECKED;
void iscep_client_setup_clear(iscep_client_setup *setup);

#endif
