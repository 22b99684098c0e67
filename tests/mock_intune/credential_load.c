/* See credential_load.h. */
#include "credential_load.h"

#include "option_file.h"

static iscep_status add(mock_credentials *out, mock_credential *credential, const iscep_env *env,
                        const mock_options *options, iscep_error *err)
{
    iscep_text_copy(credential->client_id, sizeof(credential->client_id), options->client_id);
    iscep_status status = mock_credentials_add(out, credential, env, err);
    if (status != ISCEP_OK)
        mock_credential_clear(credential);
    return status;
}

static iscep_status add_secret(mock_credentials *out, const iscep_env *env, const mock_options *options,
                               size_t at, iscep_error *err)
{
    mock_credential made;
    iscep_bytes secret = iscep_secret_reveal(options->client_secrets[at]);
    iscep_status status = mock_credential_from_secret(&made, secret, err);
    return status == ISCEP_OK ? add(out, &made, env, options, err) : status;
}

static iscep_status add_certificate(mock_credentials *out, const iscep_env *env, const mock_options *options,
                                    size_t at, iscep_error *err)
{
    mock_credential made = {0};
    ISCEP_AUTO_BUF pem;
    iscep_buf_init(&pem, MOCK_OPTION_FILE_MAX_LEN);
    iscep_status status =
        mock_option_file_read(&pem, "--client-certificate", options->certificate_files[at], err);
    if (status != ISCEP_OK)
        return status;
    status = mock_credential_from_certificate(&made, iscep_buf_bytes(&pem), err);
    if (status == ISCEP_OK)
        return add(out, &made, env, options, err);
    mock_credential_clear(&made);
    iscep_error_prefix(err, options->certificate_files[at]);
    return status;
}

iscep_status mock_credentials_load(mock_credentials *out, const iscep_env *env, const mock_options *options,
                                   iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < options->secret_count && status == ISCEP_OK; i++)
        status = add_secret(out, env, options, i, err);
    for (size_t i = 0; i < options->certificate_count && status == ISCEP_OK; i++)
        status = add_certificate(out, env, options, i, err);
    if (status == ISCEP_OK && options->imds_listen.host[0] != '\0') {
        mock_credential identity = {.kind = MOCK_MANAGED_IDENTITY, .expires_unix = INT64_MAX};
        iscep_text_copy(identity.tenant_id, sizeof(identity.tenant_id), options->tenant_ids[0]);
        status = add(out, &identity, env, options, err);
    }
    mock_credentials_seal(out);
    return status;
}
