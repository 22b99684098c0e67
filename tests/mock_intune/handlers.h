/* The handlers of the routes (routes.c): each looks at a request and fills its reply. */
#ifndef MOCK_HANDLERS_H
#define MOCK_HANDLERS_H

#include "message.h"
#include "mock.h"

typedef void mock_handler(mock_state *mock, const mock_request *request, mock_reply *reply);

/* entra.c: POST /{tenant}/oauth2/v2.0/token */
mock_handler mock_handle_token;
/* imds.c: GET /metadata/identity/oauth2/token */
mock_handler mock_handle_imds;
/* graph.c: GET /v1.0/servicePrincipals/{appId=…}/endpoints */
mock_handler mock_handle_discovery;
/* validate.c and notify.c: POST …/ScepActions/… */
mock_handler mock_handle_validate;
mock_handler mock_handle_success;
mock_handler mock_handle_failure;
/* download.c and upload.c: POST …/CertificateAuthorityRequests/… */
mock_handler mock_handle_download;
mock_handler mock_handle_upload;
/* admin.c */
mock_handler mock_admin_mint_challenge;
mock_handler mock_admin_list_transactions;
mock_handler mock_admin_get_transaction;
mock_handler mock_admin_get_stats;
mock_handler mock_admin_get_settings;
mock_handler mock_admin_change_settings;
mock_handler mock_admin_assign_device;
mock_handler mock_admin_unassign_device;
mock_handler mock_admin_reset;
/* device_admin.c */
mock_handler mock_admin_make_profile;
/* tenant_admin.c */
mock_handler mock_admin_list_tenants;
mock_handler mock_admin_get_tenant;
mock_handler mock_admin_put_tenant;
mock_handler mock_admin_remove_tenant;
/* credential_admin.c */
mock_handler mock_admin_add_credential;
mock_handler mock_admin_list_credentials;
mock_handler mock_admin_change_credential;
mock_handler mock_admin_remove_credential;
/* revocation_admin.c */
mock_handler mock_admin_add_revocations;
mock_handler mock_admin_list_revocations;
mock_handler mock_admin_clear_revocations;
/* fault_admin.c */
mock_handler mock_admin_list_fault_kinds;
mock_handler mock_admin_add_fault;
mock_handler mock_admin_list_faults;
mock_handler mock_admin_clear_faults;

#endif
