/*
 * A program that exits while its client is at work, as programs do that are ended by a signal they handle, or by an error
 * somewhere else. It must end as it said, with status 0.
 *
 *     exits_at_work URL CA_FILE TENANT_ID CLIENT_ID SECRET_FILE CSR.der DELAY_US
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <iscep/client.h>

enum { QUESTIONS = 64, TIMEOUT_MS = 5000 };

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    (void)user;
    (void)verdict;
}

int main(int argc, char **argv)
{
    static uint8_t csr[65536];
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_client *client = NULL;
    iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
    FILE *file = argc == 8 ? fopen(argv[6], "rb") : NULL;
    if (file == NULL)
        return 2;
    size_t csr_len = fread(csr, 1, sizeof csr, file);
    fclose(file);
    options.authority = options.graph = argv[1];
    options.allowed_hosts = "localhost";
    options.ca_file = argv[2];
    options.tenant_id = argv[3];
    options.client_id = argv[4];
    options.client_secret_file = argv[5];
    if (iscep_client_new(&client, &options, &err) != ISCEP_OK)
        return 2;
    for (int i = 0; i < QUESTIONS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        if (iscep_client_validate_begin(client, id, csr, csr_len, TIMEOUT_MS, on_verdict, NULL, &err) !=
            ISCEP_OK)
            return 2;
    }
    long delay_us = strtol(argv[7], NULL, 10);
    nanosleep(&(struct timespec){.tv_nsec = delay_us * 1000}, NULL);
    exit(0);
}
