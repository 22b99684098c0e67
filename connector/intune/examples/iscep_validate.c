/*
 * May a certificate be issued for this PKCS#10? libiscep in a page, in C or C++:
 *
 *     cc iscep_validate.c $(pkg-config --cflags --libs libiscep) -o iscep_validate
 *     iscep_validate [-b] [-u URL -c CA_FILE] TENANT_ID CLIENT_ID SECRET_FILE TRANSACTION_ID CSR.der
 *
 * -b does not wait but is called back; -u and -c name a stand-in for Microsoft's cloud, and the CA to trust for it. The exit
 * status is 0: yes, 1: no, 2: a mistake in the call, 3: nobody could say.
 */
#define _POSIX_C_SOURCE 200809L
#include <iscep/client.h>

#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#define TIMEOUT_MS 20000

typedef struct answer {
    iscep_verdict verdict;
    sem_t is_there;
} answer;

/* On the client's thread, which must not wait: take the verdict, and wake whoever does. */
static void on_verdict(void *user, const iscep_verdict *verdict)
{
    answer *to = (answer *)user;
    to->verdict = *verdict;
    sem_post(&to->is_there);
}

static iscep_status ask(iscep_client *client, const char *transaction_id, const uint8_t *csr, size_t csr_len,
                        int by_callback, iscep_verdict *verdict, iscep_error *err)
{
    answer to;
    if (!by_callback)
        return iscep_client_validate(client, transaction_id, csr, csr_len, TIMEOUT_MS, verdict, err);
    sem_init(&to.is_there, 0, 0);
    iscep_status status =
        iscep_client_validate_begin(client, transaction_id, csr, csr_len, TIMEOUT_MS, on_verdict, &to, err);
    if (status == ISCEP_OK) {
        while (sem_wait(&to.is_there) != 0) /* a signal: wait on */
            ;
        *verdict = to.verdict;
    }
    sem_destroy(&to.is_there);
    return status;
}

static int tell(iscep_status status, const iscep_verdict *verdict, const iscep_error *err)
{
    if (status != ISCEP_OK) {
        fprintf(stderr, "%s: %s\n", iscep_status_name(status), err->message);
        return 2;
    }
    if (verdict->decision == ISCEP_ALLOW) {
        puts("allow");
        return 0;
    }
    printf("%s %s: %s\n", verdict->decision == ISCEP_RETRY ? "retry" : "deny", verdict->code,
           verdict->message);
    return verdict->decision == ISCEP_RETRY ? 3 : 1;
}

int main(int argc, char **argv)
{
    iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_client *client = NULL;
    iscep_verdict verdict;
    static uint8_t csr[65536];
    int by_callback = 0, option;
    while ((option = getopt(argc, argv, "bu:c:")) != -1) {
        if (option == 'u') {
            options.authority = options.graph = optarg;
            options.allowed_hosts = "localhost";
        } else if (option == 'c') {
            options.ca_file = optarg;
        } else if (option == 'b') {
            by_callback = 1;
        } else {
            return 2;
        }
    }
    FILE *file = argc - optind == 5 ? fopen(argv[optind + 4], "rb") : NULL;
    if (file == NULL) {
        fputs("usage: iscep_validate [-b] [-u URL -c CA_FILE] TENANT_ID CLIENT_ID SECRET_FILE TRANSACTION_ID "
              "CSR.der\n",
              stderr);
        return 2;
    }
    size_t csr_len = fread(csr, 1, sizeof csr, file);
    fclose(file);
    options.tenant_id = argv[optind];
    options.client_id = argv[optind + 1];
    options.client_secret_file = argv[optind + 2];

    iscep_status status = iscep_client_new(&client, &options, &err);
    if (status == ISCEP_OK)
        status = ask(client, argv[optind + 3], csr, csr_len, by_callback, &verdict, &err);
    int result = tell(status, &verdict, &err);
    iscep_client_free(client);
    return result;
}
